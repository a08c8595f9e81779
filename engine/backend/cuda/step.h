#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/source/device/refusal.h"
#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda {

/// A step on the GPU. run() puts its work on the recording stream and does not wait.
class Step : public StepKernel {
 public:
  explicit Step(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  /// The kernels that it launches, to be compiled with those of other steps.
  virtual void add_sources(std::vector<const KernelSource*>& sources) const = 0;
  /// Once, before the first run, when the kernels are loaded: takes what memory it keeps.
  virtual void make_ready() const = 0;
  /// The workspace that it uses, which other products use as well; null if none.
  virtual std::byte* workspace() const { return nullptr; }
  /// May it refuse the values of its inputs?
  virtual bool may_refuse() const { return false; }
  /// Where it is to note a refusal, from now on.
  virtual void note_refusals_at(Refusal* /*place*/) const {}
  /// The message for an index that it refused.
  virtual std::string refusal_of(std::int64_t /*index*/) const { return {}; }

 private:
  std::string name_;
};

/// A step that is generated kernels: a tile program, or a primitive.
std::shared_ptr<const Step> make_kernel_step(std::string name, StepSource source,
                                             std::span<const Layout> inputs,
                                             std::span<const DType> input_types);
/// The same for a gather or scatter_add, whose refusals name axis and shape.
std::shared_ptr<const Step> make_kernel_step(const StepDescription& step);
/// A contraction by matrix products of cuBLASLt, in the present product_precision().
std::shared_ptr<const Step> make_matmul_step(const StepDescription& step);
/// One of the three convolutions, by cuDNN in the present product_precision() where it does them, else by
/// generated kernels.
std::shared_ptr<const Step> make_convolution_step(const StepDescription& step);

}  // namespace nabla::cuda
