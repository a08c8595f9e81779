#include "engine/plan/plan.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "engine/plan/evaluation_lock.h"
#include "engine/plan/plan_builder.h"
#include "engine/plan/plan_cache.h"
#include "engine/plan/plan_key.h"

namespace nabla {
namespace {

std::atomic<bool> nan_mode_on = false;
std::atomic<bool> optimisations_on = true;

template <class T>
bool any_nan(const Array& array) {
  const T* values = array.data<const T>();
  return std::any_of(values, values + array.shape().size(), [](T v) { return std::isnan(v); });
}

bool has_nan(const Array& array) {
  if (array.dtype == DType::f32) return any_nan<float>(array);
  if (array.dtype == DType::f64) return any_nan<double>(array);
  return false;
}

void check_for_nan(const PlanStep& step, const Array& output) {
  if (!output.layout.is_dense() || !has_nan(output)) return;
  throw Error("nan mode: " + std::string(step.primitive ? step.primitive->name() : "copy") + " " +
              to_string(output.shape()) + " built at " + step.where.file_name() + ":" +
              std::to_string(step.where.line()) +
              " gave the first NaN (no earlier step did; a leaf may hold one)");
}

}  // namespace

PlannedGraph make_plan_locked(std::span<const Tensor> outputs, std::span<const Tensor> donated) {
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
  for (const int i : planned.kept) graph.results.emplace_back(schedule.order[static_cast<std::size_t>(i)]);
  return graph;
}

PlannedGraph make_plan(std::span<const Tensor> outputs) {
  const std::lock_guard lock(evaluation_mutex());
  return make_plan_locked(outputs);
}

std::mutex& evaluation_mutex() {
  static std::mutex& mutex = *new std::mutex;  // never destroyed: static tensors may outlive it
  return mutex;
}

std::vector<Array> Plan::run(std::span<const Array> leaves) const {
  std::vector<std::shared_ptr<Buffer>> blocks(storages_.size());
  for (std::size_t i = 0; i < leaves_.size(); ++i)
    blocks[static_cast<std::size_t>(values_[static_cast<std::size_t>(leaves_[i])].storage)] =
        leaves[i].buffer;
  for (const PlanConstant& constant : constants_)
    blocks[static_cast<std::size_t>(constant.storage)] = constant.buffer;
  const auto arena = std::make_shared<Buffer>(arena_bytes_);
  for (std::size_t i = 0; i < storages_.size(); ++i) {
    if (storages_[i].kind == PlanStorage::Kind::temporary) blocks[i] = arena;
    if (storages_[i].kind == PlanStorage::Kind::output)
      blocks[i] = std::make_shared<Buffer>(storages_[i].bytes);
  }
  const auto array = [&](int v) -> Array {
    const PlanValue& value = values_[static_cast<std::size_t>(v)];
    const std::size_t storage = static_cast<std::size_t>(value.storage);
    Array made{blocks[storage], value.layout, value.dtype};
    made.layout.offset += static_cast<std::int64_t>(storages_[storage].offset / size_of(value.dtype));
    return made;
  };
  const auto start = [&](int v) {
    const std::size_t storage = static_cast<std::size_t>(values_[static_cast<std::size_t>(v)].storage);
    return blocks[storage]->data() + storages_[storage].offset;
  };

  const bool check = nan_mode();
  std::vector<Array> inputs;
  std::vector<const std::byte*> read;
  std::vector<std::byte*> written;
  for (const PlanStep& step : steps_) {
    if (step.tile_kernel) {
      read.clear();
      written.clear();
      for (const int input : step.inputs) read.push_back(start(input));
      for (const int output : step.outputs) written.push_back(start(output));
      step.tile_kernel->run(read, written);
    } else {
      inputs.clear();
      for (const int input : step.inputs) inputs.push_back(array(input));
      const Array output = array(step.outputs[0]);
      step.kernel({inputs, output, step.attributes});
    }
    if (check)
      for (const int output : step.outputs) check_for_nan(step, array(output));
  }

  std::vector<Array> results;
  for (const int output : outputs_) results.push_back(array(output));
  return results;
}

void set_nan_mode(bool on) { nan_mode_on = on; }
bool nan_mode() { return nan_mode_on; }
void set_plan_optimisations(bool on) { optimisations_on = on; }
bool plan_optimisations() { return optimisations_on; }

}  // namespace nabla
