#include <algorithm>
#include <set>

#include "engine/graph/attention_attributes.h"
#include "engine/graph/convolution_window.h"
#include "engine/plan/step_text.h"

namespace nabla {
namespace {

const PlanValue& value_of(const Plan& plan, int index) { return plan.values()[index]; }

bool is_a(const PlanStep& step, Op op) {
  return step.primitive && !step.is_program() && step.primitive->op() == op;
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
      flops += facts_of(primitive.op()).flops_per_read * static_cast<double>(shape.size());
  }
  return flops;
}

// Each place of a window takes a product and a sum for each element of the weight that one channel of the
// result has.
double flops_of_convolution(const Plan& plan, const PlanStep& step, int weight, int cotangent) {
  const int core = ConvolutionWindow(step.attributes).spatial + 2;
  const auto shape_of = [&](int operand) -> const Shape& {
    return value_of(plan, operand < 0 ? step.outputs[0] : step.inputs[operand]).layout.shape;
  };
  const Shape& first = shape_of(0);
  const Shape& second = shape_of(1);
  double flops = 2;
  for (int i = 0; i < first.rank() - core; ++i) flops *= static_cast<double>(std::max(first[i], second[i]));
  for (int axis = -core; axis < 0; ++axis) flops *= static_cast<double>(shape_of(cotangent)[axis]);
  for (int axis = 1 - core; axis < 0; ++axis) flops *= static_cast<double>(shape_of(weight)[axis]);
  return flops;
}

// Products over all scores, half of them where a query attends to those before it alone; the weights once for
// all that the first operands are repeated along.
double flops_of_attention(const Plan& plan, const PlanStep& step) {
  const auto own = AttentionAttributes::of(step.attributes);
  const auto shape_of = [&](std::size_t input) -> const Shape& {
    return value_of(plan, step.inputs[input]).layout.shape;
  };
  const Shape& q = shape_of(0);
  const double scored = static_cast<double>(q[-1]), valued = static_cast<double>(shape_of(2)[-1]);
  const auto places = [&](std::size_t inputs) {
    double count = 1;
    for (int i = 0; i < q.rank() - 2; ++i) {
      std::int64_t extent = 1;
      for (std::size_t k = 0; k < inputs; ++k) extent = std::max(extent, shape_of(k)[i]);
      count *= static_cast<double>(extent);
    }
    return count;
  };
  double widths = 0;  // of the products for each place of the output
  if (is_a(step, Op::attention)) widths = valued;
  if (is_a(step, Op::attention_vjp)) widths = 2 * scored + 2 * valued;
  if (is_a(step, Op::attention_jvp)) {
    const int of_scores = (own.tangent_of(0) ? 1 : 0) + (own.tangent_of(1) ? 1 : 0);
    widths = of_scores * scored + (own.tangent_of(2) ? valued : 0) + (own.tangents & ~4U ? valued : 0);
  }
  const double scores = static_cast<double>(q[-2]) * static_cast<double>(shape_of(1)[-2]);
  return (own.causal ? 1 : 2) * scores * (places(own.primals) * scored + places(step.inputs.size()) * widths);
}

double flops_of(const Plan& plan, const PlanStep& step) {
  if (step.is_program()) return flops_of_program(plan, step);
  const double written = static_cast<double>(value_of(plan, step.outputs[0]).layout.shape.size());
  if (is_a(step, Op::contraction)) {
    const ContractionExtents extents = contraction_extents(plan, step);
    return extents.batch * extents.m * extents.n * (extents.k == 1 ? 1 : 2 * extents.k);
  }
  if (is_a(step, Op::convolution)) return flops_of_convolution(plan, step, 1, -1);
  if (is_a(step, Op::convolution_to_data)) return flops_of_convolution(plan, step, 0, 1);
  if (is_a(step, Op::convolution_to_weight)) return flops_of_convolution(plan, step, -1, 1);
  if (is_a(step, Op::attention) || is_a(step, Op::attention_jvp) || is_a(step, Op::attention_vjp))
    return flops_of_attention(plan, step);
  if (!step.primitive) return 0;
  const OpFacts& facts = facts_of(step.primitive->op());
  const double read =
      step.inputs.empty() ? 0 : static_cast<double>(value_of(plan, step.inputs[0]).layout.shape.size());
  return facts.flops_per_read * read + facts.flops_per_written * written;
}

}  // namespace

StepKind kind_of(const PlanStep& step) {
  if (step.is_program()) return StepKind::pointwise;
  if (!step.primitive) return StepKind::movement;
  switch (facts_of(step.primitive->op()).family) {
    case Family::pointwise:
      return StepKind::pointwise;
    case Family::reduction:
      return StepKind::reduction;
    case Family::product:
      return StepKind::product;
    case Family::random:
      return StepKind::random;
    case Family::movement:
    case Family::view:
    case Family::shown:
    case Family::source:
      break;
  }
  return StepKind::movement;
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
    cost.bytes_read += i == 0 && is_a(step, Op::gather) ? std::min(held, cost.bytes_written) : held;
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
