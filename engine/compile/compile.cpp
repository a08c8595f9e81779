#include "engine/compile/compile.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "engine/compile/compile_plan.h"
#include "engine/graph/evaluation.h"
#include "engine/graph/primitive.h"
#include "engine/plan/evaluate.h"
#include "engine/plan/evaluation_lock.h"

namespace nabla {
namespace {

constexpr std::size_t kMostSignatures = 32;

bool fits(const TensorType& type, const Array& input) {
  return type.dtype == input.dtype && type.shape == input.shape();
}

// The values of tensors, computed now where they have not been; nothing if one depends on a variable.
std::optional<std::vector<Array>> values_of(std::span<const Tensor> tensors) {
  const auto pending = [](const Tensor& tensor) { return !tensor.node().has_value(); };
  std::vector<Array> values;
  std::unique_lock lock(evaluation_mutex());
  if (std::ranges::any_of(tensors, pending)) {
    for (const Node* node : nodes_to_compute(tensors))
      if (node->primitive().is_variable()) return std::nullopt;
    lock.unlock();
    evaluate(tensors);
    lock.lock();
  }
  values.reserve(tensors.size());
  for (const Tensor& tensor : tensors) values.push_back(tensor.node().value());
  return values;
}

}  // namespace

struct PlansOfFunction::State {
  struct Entry;
  std::shared_ptr<Entry> find(std::span<const Array> inputs);

  std::mutex tracing;  // one thread traces, so that f runs once for each signature
  std::mutex mutex;    // guards what follows
  std::vector<std::shared_ptr<Entry>> entries;
  std::uint64_t traces = 0;
  std::uint64_t calls = 0;
};

struct PlansOfFunction::State::Entry {
  std::vector<TensorType> inputs;
  // The plan of a program-wide mode: in NaN mode it knows the lines of this function.
  bool nan_mode;
  bool optimised;
  Device device;
  ProductPrecision precision;
  CompiledPlan plan;
  std::uint64_t last_use = 0;
};

PlansOfFunction::PlansOfFunction() : state_(std::make_unique<State>()) {}
PlansOfFunction::~PlansOfFunction() = default;

std::shared_ptr<PlansOfFunction::State::Entry> PlansOfFunction::State::find(std::span<const Array> inputs) {
  const std::lock_guard lock(mutex);
  for (const std::shared_ptr<Entry>& entry : entries) {
    if (entry->nan_mode != nan_mode() || entry->optimised != plan_optimisations() ||
        entry->device != current_device() || entry->precision != product_precision() ||
        !std::ranges::equal(entry->inputs, inputs, fits))
      continue;
    entry->last_use = ++calls;
    return entry;
  }
  return nullptr;
}

std::vector<Tensor> PlansOfFunction::call(const TensorFunction& f, std::span<const Tensor> inputs) {
  if (tracing()) return f(inputs);
  const std::optional<std::vector<Array>> values = values_of(inputs);
  if (!values) return f(inputs);
  const std::vector<Array>& arrays = *values;

  std::shared_ptr<State::Entry> entry = state_->find(arrays);
  if (!entry) {
    const std::lock_guard one_traces(state_->tracing);
    entry = state_->find(arrays);  // another thread may have traced it meanwhile
    if (!entry) {
      std::vector<TensorType> types;
      for (const Array& array : arrays) types.push_back({array.shape(), array.dtype});
      entry.reset(new State::Entry{std::move(types), nan_mode(), plan_optimisations(), current_device(),
                                   product_precision(), CompiledPlan(trace(f, arrays))});
      const std::lock_guard lock(state_->mutex);
      ++state_->traces;
      entry->last_use = ++state_->calls;
      if (state_->entries.size() == kMostSignatures)
        state_->entries.erase(
            std::ranges::min_element(state_->entries, {}, [](const auto& e) { return e->last_use; }));
      state_->entries.push_back(entry);
    }
  }

  std::vector<Array> results = entry->plan.run(arrays);
  std::vector<Tensor> outputs;
  outputs.reserve(results.size());
  for (Array& result : results) outputs.push_back(compiled_leaf(std::move(result)));
  return outputs;
}

CompileStatistics PlansOfFunction::statistics() {
  const std::lock_guard lock(state_->mutex);
  std::uint64_t prologue_runs = 0;
  for (const std::shared_ptr<State::Entry>& entry : state_->entries)
    prologue_runs += entry->plan.prologue_runs();
  return {state_->traces, state_->calls, prologue_runs, state_->entries.size()};
}

std::vector<NamedPlan> PlansOfFunction::plans() {
  const std::lock_guard lock(state_->mutex);
  std::vector<NamedPlan> found;
  for (const std::shared_ptr<State::Entry>& entry : state_->entries) {
    std::string signature;
    for (const TensorType& input : entry->inputs)
      signature +=
          (signature.empty() ? "" : ", ") + to_string(input.shape) + " " + std::string(name_of(input.dtype));
    for (NamedPlan& plan : entry->plan.plans(signature.empty() ? "no inputs" : signature))
      found.push_back(std::move(plan));
  }
  return found;
}

void PlansOfFunction::clear() {
  const std::lock_guard lock(state_->mutex);
  state_->entries.clear();
}

}  // namespace nabla
