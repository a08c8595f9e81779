#include <algorithm>
#include <array>

#include "engine/plan/step_text.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

constexpr std::size_t kWidth = 110;
constexpr std::size_t kColumns = 9;
using Row = std::array<std::string, kColumns>;
constexpr std::size_t kNumber = 0, kWhat = 1, kOperands = 3, kMemory = 7, kLine = 8;

std::string percent(double part, double whole) { return fixed_text(whole > 0 ? 100 * part / whole : 0, 1); }

// To a width: cut behind a word where one ends, or filled with spaces behind the text or before it.
std::string fitted(std::string text, std::size_t width, bool to_the_right) {
  if (text.size() > width) {
    const std::size_t end = text.find_last_of(' ', width - 3);
    text = end == std::string::npos ? text.substr(0, width - 2) + ".." : text.substr(0, end) + " ..";
  }
  text.insert(to_the_right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}

// The end of a long file name tells most.
std::string shortened(const std::string& line) {
  constexpr std::size_t kLongest = 16;
  return line.size() <= kLongest ? line : ".." + line.substr(line.size() - (kLongest - 2));
}

// Columns as wide as their longest entry; those that can be cut give way where the line gets too long.
std::string table(std::span<const Row> rows) {
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows)
    for (std::size_t c = 0; c < kColumns; ++c) widths[c] = std::max(widths[c], row[c].size());
  std::size_t total = 2 * (kColumns - 1);
  for (const std::size_t width : widths) total += width;
  const auto shrink = [&](std::size_t column, std::size_t least) {
    if (total <= kWidth || widths[column] <= least) return;
    const std::size_t by = std::min(total - kWidth, widths[column] - least);
    widths[column] -= by;
    total -= by;
  };
  shrink(kMemory, 12);
  shrink(kWhat, 32);
  shrink(kOperands, 9);
  shrink(kWhat, 25);
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < kColumns; ++c) {
      const bool is_number = c == kNumber || (c > kOperands && c < kMemory);
      line += (c == 0 ? "" : "  ") + (c == kLine ? row[c] : fitted(row[c], widths[c], is_number));
    }
    text += line + "\n";
  }
  return text;
}

// The leaves by number, as many in a line as fit.
std::string leaves(const Plan& plan) {
  std::string text;
  std::string line = "leaves";
  for (std::size_t i = 0; i < plan.leaves().size(); ++i) {
    const PlanValue& leaf = plan.values()[plan.leaves()[i]];
    const std::string entry = "  L" + std::to_string(i) + " " + type_of(leaf);
    if (line.size() + entry.size() > kWidth) {
      text += line + "\n";
      line = "      ";
    }
    line += entry;
  }
  return plan.leaves().empty() ? "" : text + line + "\n";
}

}  // namespace

std::string explain(const Plan& plan) {
  const PlanCost total = cost_of(plan);
  std::vector<Row> rows{{"#", "what", "result", "operands", "FLOP", "%", "bytes", "memory", "line"}};
  const std::vector<ExplainedStep> steps = explained_steps(plan);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const ExplainedStep& step = steps[s];
    rows.push_back({std::to_string(s), step.what, step.result, step.operands,
                    with_prefix(step.cost.flops) + "F", percent(step.cost.flops, total.flops),
                    bytes(step.cost.bytes()), step.place, shortened(step.line)});
  }
  std::string text = steps.empty() ? "" : table(rows);
  text += leaves(plan);

  const PlanMemory memory = memory_of(plan);
  const std::string intensity =
      number_text(total.bytes() > 0 ? total.flops / total.bytes() : 0, 3) + " FLOP/B";
  text += std::to_string(steps.size()) + (steps.size() == 1 ? " step, " : " steps, ") +
          with_prefix(total.flops) + "FLOP, " + bytes(total.bytes_read) + " read, " +
          bytes(total.bytes_written) + " written, " + intensity + "\n";
  text += "memory: arena " + bytes(plan.arena_bytes()) + " for " + bytes(memory.temporaries) +
          " of temporaries, results " + bytes(plan.result_bytes()) + ", peak " + bytes(plan.peak_bytes()) +
          "; leaves " + bytes(memory.leaves) + "\n";
  return text;
}

std::string explain(std::span<const NamedPlan> plans) {
  std::string text;
  for (const NamedPlan& named : plans) text += named.heading + "\n" + explain(*named.plan);
  return text;
}

std::string explain(std::span<const Tensor> outputs) { return explain(*make_plan(outputs).plan); }
std::string explain(const Tensor& output) { return explain(std::span(&output, 1)); }

}  // namespace nabla
