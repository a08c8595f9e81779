#include "engine/plan/memory_table.h"

#include <algorithm>
#include <vector>

#include "engine/plan/step_text.h"

namespace nabla {
namespace {

constexpr std::size_t kMostLines = 8;

std::string_view name_of(PlanStorage::Kind kind) {
  switch (kind) {
    case PlanStorage::Kind::leaf:
      return "leaf";
    case PlanStorage::Kind::constant:
      return "constant";
    case PlanStorage::Kind::temporary:
      return "temporary";
    case PlanStorage::Kind::output:
      break;
  }
  return "result";
}

std::string in_bytes(std::size_t bytes) { return with_prefix(static_cast<double>(bytes)) + "B"; }

}  // namespace

std::string memory_table(const Plan& plan) {
  const std::vector<PlanStorage>& storages = plan.storages();
  std::vector<std::size_t> largest;
  for (std::size_t i = 0; i < storages.size(); ++i)
    if (storages[i].bytes > 0) largest.push_back(i);
  std::ranges::stable_sort(largest, std::ranges::greater{}, [&](std::size_t i) { return storages[i].bytes; });
  std::string text = "the plan takes " + in_bytes(plan.arena_bytes()) + " for temporaries and " +
                     in_bytes(plan.result_bytes()) + " for results; its largest blocks:";
  const std::vector<ExplainedStep> steps = explained_steps(plan);
  for (std::size_t rank = 0; rank < std::min(largest.size(), kMostLines); ++rank) {
    const PlanStorage& storage = storages[largest[rank]];
    text += "\n  " + in_bytes(storage.bytes) + "  " + std::string(name_of(storage.kind));
    // The first step that writes it says what it is.
    const auto writes = [&](const PlanStep& step) {
      return std::ranges::any_of(step.outputs, [&](int output) {
        return plan.values()[output].storage == static_cast<int>(largest[rank]);
      });
    };
    const auto writer = std::ranges::find_if(plan.steps(), writes);
    if (writer == plan.steps().end()) continue;
    const ExplainedStep& made = steps[writer - plan.steps().begin()];
    text += " of #" + std::to_string(writer - plan.steps().begin()) + " " + made.what + " " + made.result +
            ", " + made.line + ", until #" + std::to_string(storage.last_step);
  }
  return text;
}

}  // namespace nabla
