#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/plan/plan.h"

// What a plan costs: as numbers, as text, and as a page for a browser. All is known before the plan runs.

namespace nabla {

/// Operations and traffic of one step or of several.
///
/// Operations: a contraction of m x k and k x n matrices has 2 m n k (m n where nothing is summed), a tile
/// program its instructions times its elements, a reduction or a scatter_add the elements it reads (softmax 5
/// and logsumexp 4 times these), iota and random numbers the elements they write, and moving data none. A
/// sort counts one for each element.
/// Bytes: every operand and every result once. A view counts the elements it shows, what is repeated counts
/// once, constants count nothing, and gather reads no more of its table than it picks.
struct PlanCost {
  double flops = 0;
  double bytes_read = 0;
  double bytes_written = 0;

  double bytes() const { return bytes_read + bytes_written; }
};

/// The cost of one step of `plan.steps()`.
PlanCost cost_of(const Plan& plan, std::size_t step);
/// The sum over all steps.
PlanCost cost_of(const Plan& plan);

/// Bytes around a run. Peak memory is in `Plan::peak_bytes`.
struct PlanMemory {
  std::size_t leaves;       ///< what the leaves hold
  std::size_t temporaries;  ///< of all values between leaves and results, were each in memory of its own
};
PlanMemory memory_of(const Plan& plan);

/// A plan under the heading it gets in a report of several.
struct NamedPlan {
  std::string heading;
  std::shared_ptr<const Plan> plan;
};

/// A plan as a table: a line for each step, then a summary. Operands and places are L0 (leaf 0), #3 (the
/// result of step 3), #3.1 (its second result), @4096 (an offset in the arena), result, and over #3
/// (written over it). Lines are those that built the graph from which the plan was first made: a plan is
/// shared by all graphs of the same structure.
std::string explain(const Plan& plan);
std::string explain(std::span<const NamedPlan> plans);
/// The plan that would evaluate `outputs` now.
std::string explain(std::span<const Tensor> outputs);
std::string explain(const Tensor& output);

/// The same as one HTML page that needs nothing else: figures, a picture of the arena over the steps, and a
/// table that sorts by a click, with the instructions of every program. To write to a file.
std::string explain_html(const Plan& plan, std::string_view title);
std::string explain_html(std::span<const NamedPlan> plans, std::string_view title);
std::string explain_html(std::span<const Tensor> outputs, std::string_view title);
std::string explain_html(const Tensor& output, std::string_view title);

}  // namespace nabla
