#include "bench/workloads/workload.h"
#include "io/safetensors.h"

namespace nabla::bench {

nn::State Data::file(const std::string& name) const {
  return io::read_safetensors(directory_ / (name + ".safetensors")).tensors;
}

nn::MlpOptions picture_network() {
  return {.inputs = 784, .outputs = 784, .width = 1024, .hidden_layers = 3};
}

}  // namespace nabla::bench
