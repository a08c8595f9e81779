#include "engine/plan/plan.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "engine/backend/float_environment.h"
#include "engine/plan/canonical/plan_key.h"
#include "engine/plan/evaluation_lock.h"
#include "engine/plan/fork.h"
#include "engine/plan/memory_table.h"
#include "engine/plan/plan_builder.h"
#include "engine/plan/plan_cache.h"

namespace nabla {
namespace {

std::atomic<bool> nan_mode_on = false;
std::atomic<bool> optimisations_on = true;

template <class T>
bool any_nan(const std::vector<std::byte>& elements) {
  const T* values = reinterpret_cast<const T*>(elements.data());
  return std::any_of(values, values + elements.size() / sizeof(T), [](T v) { return std::isnan(v); });
}

BoundBlock::Use use_of(const PlanStorage& storage) {
  if (storage.overwritten) return BoundBlock::Use::overwritten;
  if (storage.kind == PlanStorage::Kind::output) return BoundBlock::Use::output;
  return storage.kind == PlanStorage::Kind::temporary ? BoundBlock::Use::temporary : BoundBlock::Use::input;
}

[[noreturn]] void throw_first_nan(const PlanStep& step, const Shape& shape) {
  throw Error("nan mode: " + std::string(step.primitive ? step.primitive->name() : "copy") + " " +
              to_string(shape) + " built at " + step.where.file_name() + ":" +
              std::to_string(step.where.line()) +
              " gave the first NaN (no earlier step did; a leaf may hold one)");
}

}  // namespace

PlannedGraph make_plan_locked(std::span<const Tensor> outputs, std::span<const Tensor> donated) {
  const FloatEnvironment environment;  // constants are computed while a plan is made
  const Schedule schedule = make_schedule(outputs, donated);
  CachedPlan planned;
  if (nan_mode()) {
    // Its messages name the lines that built this graph, which no key holds, and the primitive that failed.
    planned = build_plan(schedule, outputs, /*optimised=*/false);
  } else {
    const bool optimised = plan_optimisations();
    PlanKey key(schedule, outputs, optimised);
    const CachedPlan* found = PlanCache::instance().find(key);
    planned = found ? *found
                    : PlanCache::instance().insert(std::move(key), build_plan(schedule, outputs, optimised));
  }

  PlannedGraph graph{planned.plan, {}, {outputs.begin(), outputs.end()}};
  for (Node* node : schedule.order)
    if (node->has_value()) graph.leaves.emplace_back(node);
  for (const int i : planned.kept) graph.results.emplace_back(schedule.order[i]);
  return graph;
}

PlannedGraph make_plan(std::span<const Tensor> outputs) {
  const std::lock_guard lock(evaluation_mutex());
  return make_plan_locked(outputs);
}

std::mutex& evaluation_mutex() {
  static std::mutex& mutex = *[] {
    register_fork_handlers();
    return new std::mutex;  // never destroyed: static tensors may outlive it
  }();
  return mutex;
}

StepRunner& Plan::runner() const {
  if (runner_) return *runner_;
  const auto block = [&](int value) { return values_[value].storage; };
  std::vector<BoundStep> steps;
  for (const PlanStep& step : steps_) {
    BoundStep bound{step.kernel, {}, {}};
    for (const int input : step.inputs) bound.inputs.push_back(block(input));
    for (const int output : step.outputs) bound.outputs.push_back(block(output));
    steps.push_back(std::move(bound));
  }
  std::vector<BoundBlock> blocks;
  for (const PlanStorage& storage : storages_) blocks.push_back({use_of(storage), storage.bytes});
  runner_ = backend_->runner(std::move(steps), std::move(blocks));
  return *runner_;
}

std::vector<Array> Plan::run(std::span<const Array> leaves) const try {
  const FloatEnvironment environment;
  StepRunner& steps = runner();
  std::vector<std::shared_ptr<Buffer>> buffers(storages_.size());
  std::vector<std::byte*> blocks(storages_.size());
  std::vector<Buffer*> read(storages_.size());
  const auto reads = [&](int storage, const std::shared_ptr<Buffer>& buffer) {
    buffers[storage] = buffer;
    read[storage] = buffer.get();
  };
  for (const PlanConstant& constant : constants_) reads(constant.storage, constant.buffer);
  for (std::size_t i = 0; i < leaves_.size(); ++i) reads(values_[leaves_[i]].storage, leaves[i].buffer);
  steps.locate(read, blocks);
  const std::shared_ptr<Buffer> arena = steps.arena(arena_bytes_);
  std::byte* const temporaries = backend_->to_write(*arena);
  for (std::size_t i = 0; i < storages_.size(); ++i) {
    if (storages_[i].kind == PlanStorage::Kind::temporary) blocks[i] = temporaries + storages_[i].offset;
    if (storages_[i].kind == PlanStorage::Kind::output) buffers[i] = backend_->allocate(storages_[i].bytes);
    if (storages_[i].kind == PlanStorage::Kind::output || storages_[i].overwritten)
      blocks[i] = backend_->to_write(*buffers[i]);
  }

  std::function<void(std::size_t)> after;
  if (nan_mode()) after = [&](std::size_t step) { check_for_nan(steps_[step], blocks); };
  steps.run(blocks, after);

  std::vector<Array> results;
  for (const int output : outputs_) {
    const PlanValue& value = values_[output];
    results.push_back({buffers[value.storage], value.layout, value.dtype});
  }
  return results;
} catch (const OutOfMemory& error) {
  throw OutOfMemory(std::string(error.what()) + "; " + memory_table(*this));
}

void Plan::check_for_nan(const PlanStep& step, std::span<std::byte* const> blocks) const {
  for (const int output : step.outputs) {
    const PlanValue& value = values_[output];
    if (value.dtype != DType::f32 && value.dtype != DType::f64) continue;
    std::vector<std::byte> elements(static_cast<std::size_t>(value.layout.shape.size()) *
                                    size_of(value.dtype));
    backend_->copy_to_host(elements.data(), blocks[value.storage], elements.size());
    if (value.dtype == DType::f32 ? any_nan<float>(elements) : any_nan<double>(elements))
      throw_first_nan(step, value.layout.shape);
  }
}

void set_nan_mode(bool on) { nan_mode_on = on; }
bool nan_mode() { return nan_mode_on; }
void set_plan_optimisations(bool on) { optimisations_on = on; }
bool plan_optimisations() { return optimisations_on; }

}  // namespace nabla
