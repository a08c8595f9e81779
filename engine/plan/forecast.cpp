#include "engine/plan/forecast.h"

#include <algorithm>
#include <mutex>

#include "engine/plan/evaluation_lock.h"
#include "engine/plan/plan_builder.h"

namespace nabla {
namespace {

Schedule schedule_held_by_nobody(std::span<const Tensor> outputs) {
  Schedule schedule = make_schedule(outputs);
  std::fill(schedule.held.begin(), schedule.held.end(), false);
  return schedule;
}

// The place of a node among the leaves of a plan; -1 where it is none of them.
int leaf_of(const Schedule& schedule, const Node& argument) {
  int leaf = 0;
  for (const Node* node : schedule.order) {
    if (node == &argument) return leaf;
    leaf += node->has_value() || node->primitive().is_variable();
  }
  return -1;
}

double flops_without(const Plan& plan, int leaf) {
  std::vector<bool> depends(plan.storages().size(), false);
  const auto storage = [&](int value) { return static_cast<std::size_t>(plan.values()[value].storage); };
  if (leaf >= 0) depends[storage(plan.leaves()[leaf])] = true;
  double flops = 0;
  for (std::size_t s = 0; s < plan.steps().size(); ++s) {
    const PlanStep& step = plan.steps()[s];
    const bool reads = std::ranges::any_of(step.inputs, [&](int input) { return depends[storage(input)]; });
    for (const int output : step.outputs) depends[storage(output)] = reads;
    if (!reads) flops += cost_of(plan, s).flops;
  }
  return flops;
}

}  // namespace

Forecast forecast(const Tensor& output, const Tensor& argument) {
  std::shared_ptr<const Plan> plan;
  int leaf;
  {
    const std::lock_guard lock(evaluation_mutex());
    const Schedule schedule = schedule_held_by_nobody(std::span(&output, 1));
    plan = plan_to_read(schedule, std::span(&output, 1), plan_optimisations());
    leaf = leaf_of(schedule, argument.node());
  }
  return {cost_of(*plan), flops_without(*plan, leaf), plan->arena_bytes(), plan->result_bytes()};
}

PlanKey structure_of(std::span<const Tensor> outputs) {
  const std::lock_guard lock(evaluation_mutex());
  return PlanKey(schedule_held_by_nobody(outputs), outputs, plan_optimisations());
}

}  // namespace nabla
