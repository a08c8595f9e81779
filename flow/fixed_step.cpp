#include "flow/fixed_step.h"

#include <cmath>
#include <string>
#include <vector>

#include "engine/graph/evaluation.h"
#include "engine/ops/pointwise.h"
#include "engine/tensor/number_text.h"
#include "flow/stages.h"

namespace nabla::flow {
namespace {

Tensor step_by(const ButcherTable& table, int evaluations, const TimedField& v, const Tensor& x, double from,
               double to) {
  const Tensor step = time_factor("integrate", shared_time(to - from, x.dtype()), x);
  std::vector<Tensor> slopes;
  evaluate_stages(table, evaluations, x, step, slopes, [&](const Tensor& state, double c) {
    Tensor slope = v(state, shared_time(stage_time(c, from, to), x.dtype()));
    require_velocity("integrate", slope, x);
    return slope;
  });
  return advance(x, step, table.b, slopes);
}

}  // namespace

Solution integrate(Solver solver, const TimedField& v, const Tensor& x, std::span<const double> grid,
                   const StepCallback& on_step) {
  if (grid.size() < 2)
    throw Error("integrate: a grid of " + std::to_string(grid.size()) + " times; there must be at least two");
  for (const double t : grid)
    if (!std::isfinite(t)) throw Error("integrate: the grid has a time " + number_text(t));
  const ButcherTable& table = butcher_table(solver);
  const int evaluations = evaluations_per_step(solver);
  const std::int64_t steps = static_cast<std::int64_t>(grid.size()) - 1;
  Evaluation evaluation("integrate");
  Solution solution{evaluation.leaf(evaluation.reads(x)), 0};
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::size_t at = i;
    solution.x = evaluation.leaf(step_by(table, evaluations, v, solution.x, grid[at], grid[at + 1]));
    solution.evaluations += evaluations;
    if (on_step) on_step(i + 1, steps, solution.x);
  }
  return solution;
}

}  // namespace nabla::flow
