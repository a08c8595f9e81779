#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/backend/cuda/context.h"
#include "engine/backend/cuda/convolution.h"
#include "engine/backend/cuda/dense_copy.h"
#include "engine/backend/cuda/kernels.h"
#include "engine/backend/cuda/source/convolution_form.h"
#include "engine/backend/cuda/step.h"
#include "engine/backend/walk.h"

namespace nabla::cuda {
namespace {

// More calls than these for one step take longer than a kernel of ours, which does all of them at once.
constexpr std::int64_t kMostDnnCalls = 16;
// Bytes that cuDNN may move at once: whatever it is given starts at a multiple.
constexpr std::int64_t kDnnAlignment = 16;

// The elements of an operand that a copy needs: leading axes along which it stands still have extent 1.
Layout without_repeats(Layout layout, int leading) {
  for (int i = 0; i < leading; ++i)
    if (layout.strides[i] == 0) layout.shape[i] = 1;
  return layout;
}

// What cuDNN computes: zeros of one number on both sides give the places that there are.
std::optional<ConvolutionShape> dnn_shape(const ConvolutionForm& form, DType type) {
  ConvolutionShape shape{form.slot,
                         form.samples,
                         form.groups * form.inputs,
                         form.groups * form.outputs,
                         form.groups,
                         {},
                         {},
                         {},
                         {},
                         {},
                         {},
                         type,
                         product_precision()};
  for (int k = 0; k < form.window.spatial; ++k) {
    WindowAxis axis = form.window.axes[k];
    axis.after = axis.before;
    if (axis.before < 0 || axis.places(form.data_extent(k), form.window_extent(k)) != form.places(k))
      return std::nullopt;
    shape.spatial.push_back(form.data_extent(k));
    shape.window.push_back(form.window_extent(k));
    shape.places.push_back(form.places(k));
    shape.stride.push_back(axis.stride);
    shape.dilation.push_back(axis.dilation);
    shape.padding.push_back(axis.before);
  }
  return shape;
}

// By cuDNN where it does the convolution, else by a kernel of ours; which of them is found out before the
// first run.
class ConvolutionStep final : public Step {
 public:
  explicit ConvolutionStep(const StepDescription& step)
      : Step(std::string(step.primitive->name())), type_(step.output_type), own_(make_kernel_step(step)) {
    const ConvolutionForm form(step);
    // cuDNN knows no empty tensors.
    if (form.data.shape.size() == 0 || form.weight.shape.size() == 0 || form.result.shape.size() == 0) return;
    std::optional<ConvolutionShape> shape = dnn_shape(form, type_);
    if (!shape) return;
    for (Operand& operand : operands_) {
      operand.layout = step.inputs[operand.slot];
      if (is_aligned(operand.layout.offset) && axes_of(operand.layout, form.leading, form.core()).is_dense())
        continue;
      operand.copy.emplace(without_repeats(operand.layout, form.leading), type_);
      operand.layout = operand.copy->layout();
    }
    if (add_calls(step.output, form, *shape)) shape_ = std::move(shape);
  }

  void add_sources(std::vector<const KernelSource*>& sources) const override {
    convolution_ = shape_ ? convolution_of(*shape_) : nullptr;
    if (!convolution_) return own_->add_sources(sources);
    for (const Operand& operand : operands_)
      if (operand.copy) operand.copy->add_sources(sources);
  }

  void make_ready() const override {
    if (!convolution_) return own_->make_ready();
    for (const Operand& operand : operands_)
      if (operand.copy) operand.copy->make_ready();
    if (convolution_->uses_workspace()) workspace_ = Context::instance().next_workspace();
  }

  std::byte* workspace() const override { return workspace_; }

  void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) const override {
    if (convolution_ && !run_dnn(inputs, outputs)) turn_to_own_kernel();
    if (!convolution_) own_->run(inputs, outputs);
  }

 private:
  struct Operand {
    std::size_t slot;
    Layout layout;  // that cuDNN reads
    std::optional<DenseCopy> copy;
  };
  struct Call {
    std::int64_t first, second, out;  // where its first elements are
  };

  bool is_aligned(std::int64_t elements) const {
    return elements * static_cast<std::int64_t>(size_of(type_)) % kDnnAlignment == 0;
  }

  // A call for each index along the leading axes; false where they are too many or do not suit. Where the
  // weight stands still along the innermost of them and both others lie one behind the other, that axis
  // continues the samples.
  bool add_calls(const Layout& output, const ConvolutionForm& form, ConvolutionShape& shape) {
    const auto leading = [&](const Layout& layout) { return axes_of(layout, 0, form.leading); };
    Walk<> walk = merged(leading(output).shape,
                         {leading(operands_[0].layout), leading(operands_[1].layout), leading(output)});
    const auto core_size = [&](const Layout& layout) {
      return axes_of(layout, form.leading, form.core()).shape.size();
    };
    const bool is_data = form.slot == ConvolutionSlot::data, is_result = form.slot == ConvolutionSlot::result;
    const std::size_t data = is_data ? 2 : 0,
                      weight = is_data     ? 0
                               : is_result ? 1
                                           : 2,
                      result = is_result ? 2 : 1;
    if (walk.rank() > 0 && walk.inner_stride(weight) == 0 &&
        walk.inner_stride(data) == core_size(form.data) &&
        walk.inner_stride(result) == core_size(form.result)) {
      shape.batch *= walk.inner_extent();
      walk = walk.without(walk.rank() - 1);
    }
    if (walk.size() > kMostDnnCalls) return false;
    for (std::int64_t i = 0; i < walk.size(); ++i)
      calls_.push_back({operands_[0].layout.offset + walk.offset(i, 0),
                        operands_[1].layout.offset + walk.offset(i, 1), walk.offset(i, 2)});
    return std::ranges::all_of(calls_, [&](const Call& call) {
      return is_aligned(call.first) && is_aligned(call.second) && is_aligned(call.out);
    });
  }

  // False where cuDNN refuses.
  bool run_dnn(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) const {
    const auto address = [&](const Operand& operand) {
      const std::byte* const from = inputs[operand.slot];
      return operand.copy ? operand.copy->run(from) : from;
    };
    const std::byte* const first = address(operands_[0]);
    const std::byte* const second = address(operands_[1]);
    const std::int64_t size = static_cast<std::int64_t>(size_of(type_));
    return std::ranges::all_of(calls_, [&](const Call& call) {
      return convolution_->run(first + call.first * size, second + call.second * size,
                               outputs[0] + call.out * size, workspace_);
    });
  }

  void turn_to_own_kernel() const {
    std::vector<const KernelSource*> sources;
    own_->add_sources(sources);
    Kernels::instance().load(sources);
    own_->make_ready();
    convolution_ = nullptr;
  }

  DType type_;
  std::shared_ptr<const Step> own_;
  std::optional<ConvolutionShape> shape_;  // where cuDNN is asked at all
  std::array<Operand, 2> operands_{{{0, {}, {}}, {1, {}, {}}}};
  std::vector<Call> calls_;
  // Found before the first run and used under the evaluation lock alone.
  mutable std::shared_ptr<const Convolution> convolution_;
  mutable std::byte* workspace_ = nullptr;
};

}  // namespace

std::shared_ptr<const Step> make_convolution_step(const StepDescription& step) {
  return std::make_shared<ConvolutionStep>(step);
}

}  // namespace nabla::cuda
