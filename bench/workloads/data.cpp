#include <algorithm>

#include "bench/workloads/workload.h"
#include "io/npy.h"

namespace nabla::bench {

nn::State Data::file(const std::string& name) const {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory_ / name, error))
    paths.push_back(entry.path());
  if (error) throw Error("bench_workloads: " + (directory_ / name).string() + ": " + error.message());
  std::ranges::sort(paths);
  nn::State tensors;
  for (const auto& path : paths) tensors.push_back({path.stem().string(), io::read_npy(path)});
  return tensors;
}

void write_tensors(const std::filesystem::path& directory, const nn::State& tensors) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  for (const NamedTensor& tensor : tensors) io::write_npy(directory / (tensor.name + ".npy"), tensor.value);
}

nn::MlpOptions picture_network() {
  return {.inputs = 784, .outputs = 784, .width = 1024, .hidden_layers = 3};
}

nn::UNetOptions unet_of_pictures() { return {.base = 16, .multipliers = {1, 2, 2}}; }

}  // namespace nabla::bench
