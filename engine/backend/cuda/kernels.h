#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>

#include "engine/backend/cuda/code_cache.h"
#include "engine/backend/cuda/handle.h"
#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda {

/// Kernels loaded on the GPU, by their text. Equal texts are one kernel in the whole program.
class Kernels {
 public:
  static Kernels& instance();

  /// Loads the kernels that are not there yet, from the cache on disk where it has them; the others are
  /// compiled by several threads. @throws Error where one does not compile.
  void load(std::span<const KernelSource* const> sources);
  /// Of a kernel that was loaded.
  cudaKernel_t find(const KernelSource& source);

  struct Statistics {
    std::size_t loaded;    ///< kernels there now
    std::size_t compiled;  ///< of them, those that the cache on disk did not have
  };
  Statistics statistics();

 private:
  struct Loaded {
    Library library;
    cudaKernel_t kernel = nullptr;
  };
  Loaded load_one(const KernelSource& source);

  CodeCache cache_;
  std::mutex mutex_;
  std::unordered_map<std::string, Loaded> loaded_;  // by text
  std::size_t compiled_ = 0;
};

}  // namespace nabla::cuda
