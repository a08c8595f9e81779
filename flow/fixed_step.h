#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "flow/field.h"
#include "flow/time_grid.h"  // IWYU pragma: export

namespace nabla::flow {

/// Explicit Runge-Kutta methods (Hairer, Norsett, Wanner, "Solving ordinary differential equations I",
/// II.1).
enum class Solver {
  euler,     ///< order 1, one evaluation of the field a step
  midpoint,  ///< order 2, two evaluations
  heun,      ///< order 2, two evaluations, both at times of the grid (the trapezoidal rule made explicit)
  rk4,       ///< order 4, four evaluations (the classical method)
};

std::string_view name_of(Solver solver);
/// The power of the step size with which the error at the end falls.
int order_of(Solver solver);
int evaluations_per_step(Solver solver);

/// Called after each step with the number of steps done and of all steps, and the state.
using StepCallback = std::function<void(std::int64_t done, std::int64_t total, const Tensor& x)>;

struct Solution {
  Tensor x;                      ///< the state at the last time, [B, *S]
  std::int64_t evaluations = 0;  ///< calls of the field, each on the whole batch
};

/// Follows dx/dt = v(x, t) through the times of `grid`, in either direction, from x [B, *S]. Each step is
/// evaluated and detached, so that memory does not grow with the number of steps; a derivative of the result
/// by x, or by what v is made of, is refused (see Evaluation).
/// @throws Error if the grid has fewer than two times or one that is not finite.
Solution integrate(Solver solver, const TimedField& v, const Tensor& x, std::span<const double> grid,
                   const StepCallback& on_step = nullptr);

}  // namespace nabla::flow
