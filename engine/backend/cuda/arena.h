#pragma once

#include <memory>

#include "engine/tensor/buffer.h"

namespace nabla::cuda {

/// The memory of a plan's temporaries. It stays where it is from run to run, unless the device runs short of
/// memory: then all of them are given up, and taken again by the plans that run next.
class Arena {
 public:
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Of the same size every time.
  std::shared_ptr<Buffer> memory(std::size_t bytes);

 private:
  static void release_all();

  std::shared_ptr<Buffer> memory_;
};

}  // namespace nabla::cuda
