#include "bench/workloads/workload.h"
#include "engine/ops/random.h"
#include "io/safetensors.h"

namespace nabla::bench {

nn::State Data::file(const std::string& name) const {
  return io::read_safetensors(directory_ / (name + ".safetensors")).tensors;
}

nn::MlpOptions picture_network() {
  return {.inputs = 784, .outputs = 784, .width = 1024, .hidden_layers = 3};
}

nn::Mlp load_network(const Data& data, const std::string& name, const nn::MlpOptions& options) {
  nn::Mlp net(random_key(0), options);
  nn::load_state(net, data.file(name));
  return net;
}

}  // namespace nabla::bench
