#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/backend/cuda/device_memory.h"
#include "engine/backend/cuda/step.h"

namespace nabla::cuda {

/// A dense copy of an operand that a library cannot read as it lies, in memory of its own.
class DenseCopy {
 public:
  /// Of what `from` shows: repetitions that nobody reads should have extent 1 there.
  DenseCopy(const Layout& from, DType type);

  /// Of the copy.
  const Layout& layout() const { return layout_; }
  /// As those of a step.
  void add_sources(std::vector<const KernelSource*>& sources) const;
  void make_ready() const;
  /// Puts the copying on the recording stream. Where the copy is then.
  const std::byte* run(const std::byte* from) const;

 private:
  Layout layout_;
  std::size_t bytes_;
  std::shared_ptr<const Step> step_;
  mutable std::unique_ptr<Block> memory_;
};

}  // namespace nabla::cuda
