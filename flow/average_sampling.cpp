#include "flow/average_sampling.h"

#include <string>

#include "engine/ops/pointwise.h"

namespace nabla::flow {

Tensor flow_map(const AverageField& u, const Tensor& x, const Tensor& t, const Tensor& r) {
  return x + time_factor("flow_map", r - t, x) * u(x, t, r);
}

Tensor integrate_average(const AverageField& u, const Tensor& x, std::span<const double> grid) {
  if (grid.size() < 2)
    throw Error("integrate_average: a grid of " + std::to_string(grid.size()) +
                " times; there must be at least two");
  Tensor state = x;
  for (std::size_t i = 0; i + 1 < grid.size(); ++i)
    state = flow_map(u, state, shared_time(grid[i], x.dtype()), shared_time(grid[i + 1], x.dtype()));
  return state;
}

}  // namespace nabla::flow
