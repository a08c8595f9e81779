#include <array>
#include <utility>

#include "engine/backend/cuda/context.h"
#include "engine/backend/cuda/device_memory.h"
#include "engine/backend/cuda/kernels.h"
#include "engine/backend/cuda/step.h"

namespace nabla::cuda {
namespace {

class KernelStep : public Step {
 public:
  KernelStep(std::string name, StepSource source, std::span<const Layout> inputs,
             std::span<const DType> input_types)
      : Step(std::move(name)), source_(std::move(source)) {
    for (std::size_t i = 0; i < inputs.size(); ++i)
      input_offsets_.push_back(inputs[i].offset * static_cast<std::int64_t>(size_of(input_types[i])));
  }

  void add_sources(std::vector<const KernelSource*>& sources) const override {
    for (const KernelSource& kernel : source_.kernels) sources.push_back(&kernel);
  }

  void make_ready() const override {
    kernels_.clear();
    for (const KernelSource& kernel : source_.kernels) kernels_.push_back(Kernels::instance().find(kernel));
    if (source_.scratch_bytes > 0 && !scratch_) scratch_ = std::make_unique<Block>(source_.scratch_bytes);
  }

  bool may_refuse() const override {
    for (const KernelSource& kernel : source_.kernels)
      for (const KernelArgument& argument : kernel.arguments)
        if (argument.from == KernelArgument::From::refusal) return true;
    return false;
  }
  void note_refusals_at(Refusal* place) const override { refusal_ = place; }

  void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) const override {
    for (std::size_t k = 0; k < source_.kernels.size(); ++k) {
      const KernelSource& kernel = source_.kernels[k];
      values_.clear();
      for (const KernelArgument& argument : kernel.arguments)
        values_.push_back(value_of(argument, inputs, outputs));
      pointers_.clear();
      for (std::int64_t& value : values_) pointers_.push_back(&value);
      check(cudaLaunchKernel(reinterpret_cast<const void*>(kernels_[k]),
                             dim3(static_cast<unsigned>(kernel.blocks)),
                             dim3(static_cast<unsigned>(kernel.threads)), pointers_.data(), 0,
                             Context::instance().recording_stream()),
            name());
    }
  }

 private:
  std::int64_t value_of(const KernelArgument& argument, std::span<const std::byte* const> inputs,
                        std::span<std::byte* const> outputs) const {
    const auto number = [](const void* pointer) { return reinterpret_cast<std::intptr_t>(pointer); };
    const std::size_t index = argument.index;
    switch (argument.from) {
      case KernelArgument::From::input:
        return number(inputs[index]) + input_offsets_[index];
      case KernelArgument::From::output:
        return number(outputs[index]);
      case KernelArgument::From::scratch:
        return number(scratch_->address()) + argument.index;
      case KernelArgument::From::refusal:
        return number(refusal_);
      case KernelArgument::From::number:
        break;
    }
    return argument.index;
  }

  StepSource source_;
  std::vector<std::int64_t> input_offsets_;  // bytes
  // Made by the first run's preparations and used under the evaluation lock alone.
  mutable std::vector<cudaKernel_t> kernels_;
  mutable std::unique_ptr<Block> scratch_;
  mutable Refusal* refusal_ = nullptr;
  mutable std::vector<std::int64_t> values_;
  mutable std::vector<void*> pointers_;
};

class PrimitiveStep final : public KernelStep {
 public:
  explicit PrimitiveStep(const StepDescription& step)
      : KernelStep(step.primitive ? std::string(step.primitive->name()) : "copy", primitive_source(step),
                   step.inputs, step.input_types),
        axis_(step.attributes.size() > 0 ? step.attributes[0] : 0),
        // A gather picks along an axis of its input, a scatter_add writes along one of its output.
        indexed_(step.primitive && step.primitive->op() == Op::gather ? step.inputs[0].shape
                                                                      : step.output.shape) {}

  std::string refusal_of(std::int64_t index) const override {
    return name() + ": index " + std::to_string(index) + " is outside axis " + std::to_string(axis_) +
           " of " + to_string(indexed_);
  }

 private:
  std::int64_t axis_;
  Shape indexed_;
};

}  // namespace

std::shared_ptr<const Step> make_kernel_step(std::string name, StepSource source,
                                             std::span<const Layout> inputs,
                                             std::span<const DType> input_types) {
  return std::make_shared<KernelStep>(std::move(name), std::move(source), inputs, input_types);
}

std::shared_ptr<const Step> make_kernel_step(const StepDescription& step) {
  return std::make_shared<PrimitiveStep>(step);
}

}  // namespace nabla::cuda
