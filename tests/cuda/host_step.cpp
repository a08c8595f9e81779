#include "tests/cuda/host_step.h"

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "engine/backend/cuda/source/device/refusal.h"
#include "tests/cuda/guarded_memory.h"
#include "tests/cuda/host_kernels.h"

namespace nabla::cuda::host {

namespace {

std::uint64_t address_of(const GuardedMemory& memory, std::size_t byte = 0) {
  return std::bit_cast<std::uint64_t>(memory.bytes().data() + byte);
}

/// Copies of everything that a step reads and writes.
class StepMemory {
 public:
  StepMemory(const StepSource& step, std::span<const StepInput> inputs, std::span<const StepOutput> outputs)
      : inputs_(inputs), outputs_(outputs), scratch_(step.scratch_bytes), refusal_(sizeof(Refusal)) {
    std::fill(refusal_.bytes().begin(), refusal_.bytes().end(), std::byte{0});
    for (const StepInput& input : inputs) {
      GuardedMemory& copy = input_memory_.emplace_back(input.memory.size());
      std::copy(input.memory.begin(), input.memory.end(), copy.bytes().begin());
    }
    for (const StepOutput& output : outputs)
      output_memory_.emplace_back(output.in_place_of < 0 ? output.memory.size() : 0);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (std::none_of(outputs.begin(), outputs.end(),
                       [i](const StepOutput& o) { return o.in_place_of == static_cast<int>(i); }))
        input_memory_[i].make_read_only();
  }

  void run(const KernelSource& source, Order order) const {
    std::vector<std::uint64_t> arguments;
    for (const KernelArgument& argument : source.arguments) arguments.push_back(value_of(argument));
    try {
      kernel(source.text, source.entry).run(source.blocks, source.threads, arguments, order);
    } catch (const KernelError& error) {
      throw KernelError(error.what() + explained(error.address), error.address);
    }
    for_all([&source](const std::string& name, const GuardedMemory& memory) {
      if (!memory.is_intact())
        throw KernelError("kernel " + source.entry + " writes out of the bounds of " + name);
    });
  }

  std::span<const std::byte> result(std::size_t output) const {
    const StepOutput& description = outputs_[output];
    if (description.in_place_of < 0) return output_memory_[output].bytes();
    const auto input = static_cast<std::size_t>(description.in_place_of);
    return input_memory_[input].bytes().subspan(inputs_[input].first, description.memory.size());
  }

  std::optional<std::int64_t> refused() const {
    const auto& refusal = *reinterpret_cast<const Refusal*>(refusal_.bytes().data());
    if (refusal.raised == 0) return std::nullopt;
    return refusal.index;
  }

 private:
  std::uint64_t value_of(const KernelArgument& argument) const {
    const auto index = static_cast<std::size_t>(argument.index);
    switch (argument.from) {
      case KernelArgument::From::input:
        return address_of(input_memory_.at(index), inputs_[index].first);
      case KernelArgument::From::output: {
        const int input = outputs_[index].in_place_of;
        if (input < 0) return address_of(output_memory_.at(index));
        const auto i = static_cast<std::size_t>(input);
        return address_of(input_memory_.at(i), inputs_[i].first);
      }
      case KernelArgument::From::scratch:
        return address_of(scratch_, index);
      case KernelArgument::From::refusal:
        return address_of(refusal_);
      case KernelArgument::From::number:
        break;
    }
    return static_cast<std::uint64_t>(argument.index);
  }

  template <class F>
  void for_all(const F& f) const {
    for (std::size_t i = 0; i < input_memory_.size(); ++i) f("input " + std::to_string(i), input_memory_[i]);
    for (std::size_t i = 0; i < output_memory_.size(); ++i)
      f("output " + std::to_string(i), output_memory_[i]);
    f("the scratch memory", scratch_);
    f("the refusal", refusal_);
  }

  std::string explained(const void* address) const {
    std::string result;
    for_all([&](const std::string& name, const GuardedMemory& memory) {
      if (address != nullptr && memory.surrounds(address))
        result = " (" + name + ", " + memory.place_of(address) + ")";
    });
    return result;
  }

  std::span<const StepInput> inputs_;
  std::span<const StepOutput> outputs_;
  std::vector<GuardedMemory> input_memory_;
  std::vector<GuardedMemory> output_memory_;
  GuardedMemory scratch_;
  GuardedMemory refusal_;
};

}  // namespace

std::optional<std::int64_t> run_step(const StepSource& step, std::span<const StepInput> inputs,
                                     std::span<const StepOutput> outputs) {
  std::vector<std::string> texts;
  for (const KernelSource& source : step.kernels) texts.push_back(source.text);
  compile(texts);
  const StepMemory memory(step, inputs, outputs);
  const StepMemory reversed(step, inputs, outputs);
  for (const KernelSource& source : step.kernels) {
    memory.run(source, Order::forward);
    reversed.run(source, Order::backward);
  }
  // Which of several refusals comes first is open, and with it what a refused step leaves in its outputs.
  if (memory.refused().has_value() != reversed.refused().has_value())
    throw KernelError("a step's refusal depends on the order of threads");
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::span<const std::byte> result = memory.result(i);
    if (!memory.refused() && !std::ranges::equal(result, reversed.result(i)))
      throw KernelError("output " + std::to_string(i) + " of kernel " + step.kernels.back().entry +
                        " depends on the order of threads");
    if (!step.kernels.empty()) std::ranges::copy(result, outputs[i].memory.begin());
  }
  return memory.refused();
}

}  // namespace nabla::cuda::host
