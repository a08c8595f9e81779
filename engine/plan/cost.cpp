#include <algorithm>
#include <map>
#include <set>

#include "engine/plan/step_text.h"

namespace nabla {
namespace {

const PlanValue& value_of(const Plan& plan, int index) { return plan.values()[index]; }

// How often an element is worked on: of the first operand or of the result.
struct Work {
  StepKind kind;
  double per_read;
  double per_written;
};

const Work& work_of(std::string_view primitive) {
  static const std::map<std::string_view, Work>& table = *new std::map<std::string_view, Work>{
      {"sum", {StepKind::reduction, 1, 0}},         {"reduce_max", {StepKind::reduction, 1, 0}},
      {"reduce_min", {StepKind::reduction, 1, 0}},  {"cumsum", {StepKind::reduction, 1, 0}},
      {"argmax", {StepKind::reduction, 1, 0}},      {"argsort", {StepKind::reduction, 1, 0}},
      {"logsumexp", {StepKind::reduction, 4, 0}},  // maximum, difference, exp, sum
      {"softmax", {StepKind::reduction, 5, 0}},    // and the quotient
      {"scatter_add", {StepKind::movement, 1, 0}},  {"random_bits", {StepKind::random, 0, 1}},
      {"random_uniform", {StepKind::random, 0, 1}}, {"fold_in", {StepKind::random, 0, 1}},
      {"iota", {StepKind::movement, 0, 1}},
  };
  static constexpr Work kMoved{StepKind::movement, 0, 0};
  const auto found = table.find(primitive);
  return found == table.end() ? kMoved : found->second;
}

bool is_named(const PlanStep& step, std::string_view name) {
  return step.primitive && !step.is_program() && step.primitive->name() == name;
}

// The inputs of a program are laid over its whole shape.
double flops_of_program(const Plan& plan, const PlanStep& step) {
  const TileProgram& program = step.program;
  const Shape& shape = value_of(plan, step.inputs[0]).layout.shape;
  const Shape once = program.fold == TileProgram::Fold::tangents
                         ? shape.without_first(program.folded_axes)
                         : shape.first(shape.rank() - program.folded_axes);
  double flops = 0;
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    const Primitive& primitive = *program.instructions[i].primitive;
    const bool folded = program.is_folded(program.inputs + static_cast<int>(i));
    if (primitive.is_pointwise())
      flops += static_cast<double>(folded ? once.size() : shape.size());
    else
      flops += work_of(primitive.name()).per_read * static_cast<double>(shape.size());
  }
  return flops;
}

double flops_of(const Plan& plan, const PlanStep& step) {
  if (step.is_program()) return flops_of_program(plan, step);
  const double written = static_cast<double>(value_of(plan, step.outputs[0]).layout.shape.size());
  if (is_named(step, "contraction")) {
    const ContractionExtents extents = contraction_extents(plan, step);
    return extents.batch * extents.m * extents.n * (extents.k == 1 ? 1 : 2 * extents.k);
  }
  if (!step.primitive) return 0;
  const Work& work = work_of(step.primitive->name());
  const double read =
      step.inputs.empty() ? 0 : static_cast<double>(value_of(plan, step.inputs[0]).layout.shape.size());
  return work.per_read * read + work.per_written * written;
}

}  // namespace

StepKind kind_of(const PlanStep& step) {
  if (step.is_program()) return StepKind::pointwise;
  if (is_named(step, "contraction")) return StepKind::product;
  return step.primitive ? work_of(step.primitive->name()).kind : StepKind::movement;
}

ContractionExtents contraction_extents(const Plan& plan, const PlanStep& step) {
  const Shape& a = value_of(plan, step.inputs[0]).layout.shape;
  const Shape& b = value_of(plan, step.inputs[1]).layout.shape;
  ContractionExtents extents;
  for (int axis = -a.rank(); axis < 0; ++axis) {
    if (step.attributes.contains(axis))
      extents.k *= static_cast<double>(a[axis] == 1 ? b[axis] : a[axis]);
    else if (b[axis] == 1)
      extents.m *= static_cast<double>(a[axis]);
    else if (a[axis] == 1)
      extents.n *= static_cast<double>(b[axis]);
    else
      extents.batch *= static_cast<double>(a[axis]);
  }
  return extents;
}

double held_bytes(const PlanValue& value) {
  double elements = 1;
  for (int axis = 0; axis < value.layout.shape.rank(); ++axis) {
    const std::int64_t extent = value.layout.shape[axis];
    if (extent == 0) return 0;
    if (value.layout.strides[axis] != 0) elements *= static_cast<double>(extent);
  }
  return elements * static_cast<double>(size_of(value.dtype));
}

PlanCost cost_of(const Plan& plan, std::size_t index) {
  const PlanStep& step = plan.steps()[index];
  PlanCost cost;
  cost.flops = flops_of(plan, step);
  for (const int output : step.outputs) cost.bytes_written += held_bytes(value_of(plan, output));
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    const PlanValue& input = value_of(plan, step.inputs[i]);
    if (plan.storages()[input.storage].kind == PlanStorage::Kind::constant) continue;
    const double held = held_bytes(input);
    cost.bytes_read += i == 0 && is_named(step, "gather") ? std::min(held, cost.bytes_written) : held;
  }
  return cost;
}

PlanCost cost_of(const Plan& plan) {
  PlanCost total;
  for (std::size_t s = 0; s < plan.steps().size(); ++s) {
    const PlanCost step = cost_of(plan, s);
    total.flops += step.flops;
    total.bytes_read += step.bytes_read;
    total.bytes_written += step.bytes_written;
  }
  return total;
}

PlanMemory memory_of(const Plan& plan) {
  PlanMemory memory{};
  for (const int leaf : plan.leaves())
    memory.leaves += static_cast<std::size_t>(held_bytes(value_of(plan, leaf)));
  for (const PlanStep& step : plan.steps())
    for (const int output : step.outputs)
      memory.temporaries += static_cast<std::size_t>(held_bytes(value_of(plan, output)));
  // Of these, what is left at the end is no temporary.
  std::set<int> results;
  for (const int output : plan.outputs()) {
    const int index = value_of(plan, output).storage;
    const PlanStorage& storage = plan.storages()[index];
    if ((storage.kind == PlanStorage::Kind::output || storage.overwritten) && results.insert(index).second)
      memory.temporaries -= storage.bytes;
  }
  return memory;
}

}  // namespace nabla
