#include "engine/backend/cuda_backend.h"

// In place of the CUDA backend, in a build without it.

namespace nabla::cuda {

std::string why_unusable() {
  return "this library was built without CUDA (configure with -DNABLAFLOW_CUDA=ON, which needs the CUDA "
         "Toolkit 12.8 or newer and cuDNN)";
}
const Backend& backend() { throw Error("cuda: " + why_unusable()); }
std::string description() { throw Error("cuda: " + why_unusable()); }
void synchronize() {}
MemoryStatistics memory_statistics() { return {}; }
void release_memory_cache() {}

}  // namespace nabla::cuda
