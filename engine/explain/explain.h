#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/plan/cost.h"
#include "engine/plan/plan.h"

// What a plan costs: as numbers, as text, and as a page for a browser. All is known before the plan runs.

namespace nabla {

/// A plan as a table: a line for each step, then a summary. Operands and places are L0 (leaf 0), #3 (the
/// result of step 3), #3.1 (its second result), @4096 (an offset in the arena), result, and over #3
/// (written over it). Lines are those that built the graph from which the plan was first made: a plan is
/// shared by all graphs of the same structure.
std::string explain(const Plan& plan);
std::string explain(std::span<const NamedPlan> plans);
/// The plans that a compiled function keeps.
template <class F>
requires requires(const F& f) {
  { f.plans() } -> std::convertible_to<std::vector<NamedPlan>>;
}
std::string explain(const F& compiled) { return explain(compiled.plans()); }
/// The plan that would evaluate `outputs` now.
std::string explain(std::span<const Tensor> outputs);
std::string explain(const Tensor& output);

/// The same as one HTML page that needs nothing else: figures, a picture of the arena over the steps, and a
/// table that sorts by a click, with the instructions of every program. To write to a file.
std::string explain_html(const Plan& plan, std::string_view title);
std::string explain_html(std::span<const NamedPlan> plans, std::string_view title);
template <class F>
requires requires(const F& f) {
  { f.plans() } -> std::convertible_to<std::vector<NamedPlan>>;
}
std::string explain_html(const F& compiled, std::string_view title) {
  return explain_html(compiled.plans(), title);
}
std::string explain_html(std::span<const Tensor> outputs, std::string_view title);
std::string explain_html(const Tensor& output, std::string_view title);

}  // namespace nabla
