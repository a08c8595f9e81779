#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "engine/plan/plan.h"

namespace nabla {
namespace {

// To a width with spaces behind the text, or before it for a negative width.
std::string padded(std::string text, int width) {
  const std::size_t least = static_cast<std::size_t>(std::abs(width));
  if (text.size() < least) text.insert(width < 0 ? 0 : text.size(), least - text.size(), ' ');
  return text;
}

std::string step_name(const PlanStep& step) {
  if (!step.primitive) return "copy";
  if (step.program.instructions.size() < 2) return std::string(step.primitive->name());
  return "fused " + std::to_string(step.program.instructions.size());
}

}  // namespace

std::string Plan::explain() const {
  double flops = 0;
  double moved = 0;
  std::string rows;
  char line[128];
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const PlanStep& step = steps_[s];
    double bytes = 0;
    double operations = 0;
    std::string operands;
    for (const int output : step.outputs) {
      const PlanValue& value = values_[static_cast<std::size_t>(output)];
      bytes += static_cast<double>(value.layout.shape.size()) * static_cast<double>(size_of(value.dtype));
      operations = std::max(operations, static_cast<double>(value.layout.shape.size()));
    }
    const PlanValue& output = values_[static_cast<std::size_t>(step.outputs[0])];
    for (const int input : step.inputs) {
      const PlanValue& value = values_[static_cast<std::size_t>(input)];
      operands += (operands.empty() ? "" : " ") + to_string(value.layout.shape);
      bytes += static_cast<double>(value.layout.shape.size()) * static_cast<double>(size_of(value.dtype));
      operations = std::max(operations, static_cast<double>(value.layout.shape.size()));
    }
    if (step.tile_kernel) operations *= static_cast<double>(step.program.instructions.size());
    if (step.primitive && step.primitive->derivative_class() == Primitive::Class::multilinear) {
      operations = 2 * static_cast<double>(output.layout.shape.size());
      for (const std::int64_t axis : step.attributes) {
        std::int64_t extent = 1;
        for (const int input : step.inputs)
          extent =
              std::max(extent, values_[static_cast<std::size_t>(input)].layout.shape[static_cast<int>(axis)]);
        operations *= static_cast<double>(extent);
      }
    }
    flops += operations;
    moved += bytes;
    std::snprintf(line, sizeof line, " %12.0f flop %12.0f B\n", operations, bytes);
    rows += padded(std::to_string(s), -5) + "  " + padded(step_name(step), 14) + " " +
            padded(to_string(output.layout.shape), 18) + " <- " + padded(operands, 36) + line;
  }
  std::snprintf(line, sizeof line, "%zu steps, %.4g flop, %.4g bytes moved, %zu bytes at the peak\n",
                steps_.size(), flops, moved, peak_bytes());
  return rows + line;
}

std::string explain(std::span<const Tensor> outputs) { return make_plan(outputs).plan->explain(); }
std::string explain(const Tensor& output) { return explain(std::span(&output, 1)); }

}  // namespace nabla
