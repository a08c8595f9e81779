#include "engine/plan/step_text.h"

#include <algorithm>
#include <cmath>

#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

// Names the values of a plan, one step after the other: who wrote what a storage holds now?
class ValueNames {
 public:
  explicit ValueNames(const Plan& plan) : plan_(plan), holds_(plan.storages().size(), "const") {
    for (std::size_t i = 0; i < plan.leaves().size(); ++i)
      holds_[storage_of(plan.leaves()[i])] = "L" + std::to_string(i);
  }

  const std::string& name(int value) const { return holds_[storage_of(value)]; }

  // Where the outputs of a step live; from then on they are what their storages hold.
  std::string place_outputs(std::size_t index) {
    const PlanStep& step = plan_.steps()[index];
    std::vector<std::string> places;
    for (const int output : step.outputs) places.push_back(place(step, output));
    for (std::size_t o = 0; o < step.outputs.size(); ++o)
      holds_[storage_of(step.outputs[o])] =
          "#" + std::to_string(index) + (o == 0 ? "" : "." + std::to_string(o));
    std::string text;
    for (const std::string& each : places) text += (text.empty() ? "" : " ") + each;
    return text;
  }

 private:
  std::size_t storage_of(int value) const { return static_cast<std::size_t>(plan_.values()[value].storage); }

  std::string place(const PlanStep& step, int output) const {
    const std::size_t storage = storage_of(output);
    const auto shares = [&](int input) { return storage_of(input) == storage; };
    if (std::ranges::any_of(step.inputs, shares)) return "over " + holds_[storage];
    const PlanStorage& block = plan_.storages()[storage];
    if (block.kind == PlanStorage::Kind::output) return "result";
    return "@" + std::to_string(block.offset);
  }

  const Plan& plan_;
  std::vector<std::string> holds_;  // by storage
};

std::string what_of(const Plan& plan, const PlanStep& step) {
  if (!step.primitive) return "copy";
  const std::string name(step.primitive->name());
  if (kind_of(step) == StepKind::product && step.primitive->op() != Op::contraction)
    return name + " " + step.primitive->describe(step.attributes);
  if (kind_of(step) == StepKind::product) {
    const ContractionExtents extents = contraction_extents(plan, step);
    const std::string text = name + " m" + fixed_text(extents.m, 0) + " n" + fixed_text(extents.n, 0) + " k" +
                             fixed_text(extents.k, 0);
    return extents.batch == 1 ? text : text + " x" + std::to_string(std::llround(extents.batch));
  }
  if (step.program.instructions.size() < 2) return name;
  std::string text = "fused " + std::to_string(step.program.instructions.size());
  if (step.program.fold == TileProgram::Fold::rows) text += " over rows";
  if (step.program.fold == TileProgram::Fold::tangents) text += " over tangents";
  text += ":";
  for (const TileProgram::Instruction& instruction : step.program.instructions)
    text += " " + std::string(instruction.primitive->name());
  return text;
}

std::string result_of(const Plan& plan, const PlanStep& step) {
  std::vector<std::pair<std::string, int>> types;  // and how often one stands behind the other
  const Shape* shape = nullptr;
  for (const int output : step.outputs) {
    const PlanValue& value = plan.values()[output];
    std::string type(name_of(value.dtype));
    if (!shape || !(*shape == value.layout.shape)) type = to_string(value.layout.shape) + " " + type;
    shape = &value.layout.shape;
    if (!types.empty() && types.back().first.ends_with(type))
      ++types.back().second;
    else
      types.emplace_back(type, 1);
  }
  std::string text;
  for (const auto& [type, count] : types)
    text += (text.empty() ? "" : " ") + type + (count > 1 ? " x" + std::to_string(count) : "");
  return text;
}

std::string line_of(const std::source_location& where) {
  const std::string_view path = where.file_name();
  return std::string(path.substr(path.find_last_of("/\\") + 1)) + ":" + std::to_string(where.line());
}

}  // namespace

std::vector<ExplainedStep> explained_steps(const Plan& plan) {
  ValueNames names(plan);
  std::vector<ExplainedStep> explained;
  for (std::size_t s = 0; s < plan.steps().size(); ++s) {
    const PlanStep& step = plan.steps()[s];
    ExplainedStep made;
    made.kind = kind_of(step);
    made.what = what_of(plan, step);
    made.result = result_of(plan, step);
    for (const int input : step.inputs) {
      const std::string& name = names.name(input);
      if (name != "const" && std::ranges::find(made.inputs, name) == made.inputs.end())
        made.operands += (made.operands.empty() ? "" : " ") + name;
      made.inputs.push_back(name);
    }
    made.place = names.place_outputs(s);
    made.line = line_of(step.where);
    made.cost = cost_of(plan, s);
    explained.push_back(std::move(made));
  }
  return explained;
}

std::string instructions_of(const PlanStep& step, const ExplainedStep& explained) {
  const TileProgram& program = step.program;
  std::string text;
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    const TileProgram::Instruction& instruction = program.instructions[i];
    const int made = program.inputs + static_cast<int>(i);
    text += "%" + std::to_string(i) + " = " + std::string(instruction.primitive->name());
    for (int k = 0; k < instruction.operand_count; ++k) {
      const int operand = instruction.operands[k];
      text += " " + (operand < program.inputs ? explained.inputs[operand]
                                              : "%" + std::to_string(operand - program.inputs));
    }
    text += std::ranges::find(program.outputs, made) == program.outputs.end() ? "\n" : "  (stored)\n";
  }
  return text;
}

std::string type_of(const PlanValue& value) {
  return to_string(value.layout.shape) + " " + std::string(name_of(value.dtype));
}

std::string with_prefix(double count) {
  constexpr std::string_view kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  // 999.5 would be rounded to four digits.
  while (count >= 999.5 && prefix + 1 < std::size(kPrefixes)) {
    count /= 1000;
    ++prefix;
  }
  const int decimals = count == std::floor(count) || count >= 99.95 ? 0 : count >= 9.995 ? 1 : 2;
  return fixed_text(count, decimals) + " " + std::string(kPrefixes[prefix]);
}

std::string bytes(double count) { return with_prefix(count) + "B"; }

}  // namespace nabla
