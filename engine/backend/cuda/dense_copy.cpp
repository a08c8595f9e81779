#include "engine/backend/cuda/dense_copy.h"

#include <span>

namespace nabla::cuda {

DenseCopy::DenseCopy(const Layout& from, DType type)
    : layout_(Layout::dense(from.shape)),
      bytes_(static_cast<std::size_t>(from.shape.size()) * size_of(type)),
      step_(make_kernel_step({nullptr, std::span(&from, 1), std::span(&type, 1), layout_, type, {}})) {}

void DenseCopy::add_sources(std::vector<const KernelSource*>& sources) const { step_->add_sources(sources); }

void DenseCopy::make_ready() const {
  step_->make_ready();
  if (!memory_) memory_ = std::make_unique<Block>(bytes_);
}

const std::byte* DenseCopy::run(const std::byte* from) const {
  std::byte* const to = memory_->address();
  step_->run(std::span(&from, 1), std::span(&to, 1));
  return to;
}

}  // namespace nabla::cuda
