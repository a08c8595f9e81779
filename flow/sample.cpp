#include "flow/sample.h"

#include <string>

#include "engine/ops/pointwise.h"

namespace nabla::flow {

std::vector<double> time_grid(double from, double to, std::int64_t steps) {
  if (steps < 1) throw Error("time_grid: " + std::to_string(steps) + " steps; there must be at least one");
  std::vector<double> grid;
  for (std::int64_t i = 0; i <= steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(steps);
    grid.push_back(from * (1 - share) + to * share);
  }
  return grid;
}

Tensor integrate(Solver solver, const TimedField& v, const Tensor& x, std::span<const double> grid,
                 const StepCallback& on_step) {
  if (grid.size() < 2)
    throw Error("integrate: a grid of " + std::to_string(grid.size()) + " times; there must be at least two");
  const std::int64_t steps = static_cast<std::int64_t>(grid.size()) - 1;
  Tensor state = x.detach();
  for (std::int64_t i = 0; i < steps; ++i) {
    const double from = grid[static_cast<std::size_t>(i)];
    const double to = grid[static_cast<std::size_t>(i) + 1];
    const Tensor t = shared_time(from, x.dtype());
    const Tensor h = shared_time(to - from, x.dtype());
    const Tensor step = time_factor("integrate", h, x);
    const Tensor slope = v(state, t);
    Tensor next = state + step * slope;
    if (solver == Solver::heun) next = state + step * ((slope + v(next, shared_time(to, x.dtype()))) * 0.5);
    state = next.detach();
    if (on_step) on_step(i + 1, steps, state);
  }
  return state;
}

}  // namespace nabla::flow
