#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "flow/butcher.h"  // IWYU pragma: export
#include "flow/field.h"
#include "flow/time_grid.h"  // IWYU pragma: export

namespace nabla::flow {

/// Called after each step with the number of steps done and of all steps, and the state.
using StepCallback = std::function<void(std::int64_t done, std::int64_t total, const Tensor& x)>;

struct Solution {
  Tensor x;                      ///< the state at the last time, [B, *S]
  std::int64_t evaluations = 0;  ///< calls of the field, each on the whole batch
};

/// Follows dx/dt = v(x, t) through the times of `grid`, in either direction, from x [B, *S], by any of the
/// solvers. Each step is evaluated and detached, so that memory does not grow with the number of steps; a
/// derivative of the result by x, or by what v is made of, is refused (see Evaluation).
/// @throws Error if the grid has fewer than two times or one that is not finite.
Solution integrate(Solver solver, const TimedField& v, const Tensor& x, std::span<const double> grid,
                   const StepCallback& on_step = nullptr);

}  // namespace nabla::flow
