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

// An explicit method with up to four stages: stage i is the slope at c[i] of the step, at the state plus the
// step times the slopes before it weighted by a[i]; the step itself weights the slopes by b.
struct ButcherTable {
  std::string_view name;
  int order;
  int stages;
  double c[4];
  double a[4][3];
  double b[4];
};

const ButcherTable& table_of(Solver solver) {
  static constexpr ButcherTable kEuler{"euler", 1, 1, {0}, {}, {1}};
  static constexpr ButcherTable kMidpoint{"midpoint", 2, 2, {0, 1. / 2}, {{}, {1. / 2}}, {0, 1}};
  static constexpr ButcherTable kHeun{"heun", 2, 2, {0, 1}, {{}, {1}}, {1. / 2, 1. / 2}};
  static constexpr ButcherTable kRk4{"rk4",
                                     4,
                                     4,
                                     {0, 1. / 2, 1. / 2, 1},
                                     {{}, {1. / 2}, {0, 1. / 2}, {0, 0, 1}},
                                     {1. / 6, 1. / 3, 1. / 3, 1. / 6}};
  switch (solver) {
    case Solver::euler:
      return kEuler;
    case Solver::midpoint:
      return kMidpoint;
    case Solver::heun:
      return kHeun;
    case Solver::rk4:
      return kRk4;
  }
  throw Error("integrate: there is no solver " + std::to_string(static_cast<int>(solver)));
}

Tensor advance(const Tensor& state, const Tensor& step, const std::vector<Tensor>& slopes,
               std::span<const double> weights) {
  const Tensor slope = combine(weights, slopes);
  return slope.defined() ? state + step * slope : state;
}

Tensor step_by(const ButcherTable& table, const TimedField& v, const Tensor& x, double from, double to) {
  const Tensor step = time_factor("integrate", shared_time(to - from, x.dtype()), x);
  std::vector<Tensor> slopes;
  for (int stage = 0; stage < table.stages; ++stage) {
    const double c = table.c[stage];
    const Tensor t = shared_time(c == 1 ? to : from + c * (to - from), x.dtype());
    slopes.push_back(v(advance(x, step, slopes, table.a[stage]), t));
    require_velocity("integrate", slopes.back(), x);
  }
  return advance(x, step, slopes, table.b);
}

}  // namespace

std::string_view name_of(Solver solver) { return table_of(solver).name; }
int order_of(Solver solver) { return table_of(solver).order; }
int evaluations_per_step(Solver solver) { return table_of(solver).stages; }

Solution integrate(Solver solver, const TimedField& v, const Tensor& x, std::span<const double> grid,
                   const StepCallback& on_step) {
  if (grid.size() < 2)
    throw Error("integrate: a grid of " + std::to_string(grid.size()) + " times; there must be at least two");
  for (const double t : grid)
    if (!std::isfinite(t)) throw Error("integrate: the grid has a time " + number_text(t));
  const ButcherTable& table = table_of(solver);
  const std::int64_t steps = static_cast<std::int64_t>(grid.size()) - 1;
  Evaluation evaluation("integrate");
  Solution solution{evaluation.leaf(evaluation.reads(x)), 0};
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::size_t at = i;
    solution.x = evaluation.leaf(step_by(table, v, solution.x, grid[at], grid[at + 1]));
    solution.evaluations += table.stages;
    if (on_step) on_step(i + 1, steps, solution.x);
  }
  return solution;
}

}  // namespace nabla::flow
