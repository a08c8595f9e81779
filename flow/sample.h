#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "flow/field.h"

namespace nabla::flow {

enum class Solver {
  euler,  ///< first order, one evaluation of the field a step
  heun,   ///< second order, two evaluations
};

/// steps + 1 times from `from` to `to`, equally spaced. @throws Error if steps < 1.
std::vector<double> time_grid(double from, double to, std::int64_t steps);

/// Called after each step with the number of steps done and of all steps, and the state.
using StepCallback = std::function<void(std::int64_t done, std::int64_t total, const Tensor& x)>;

/// Follows dx/dt = v(x, t) through the times of `grid`, in either direction, from x [B, *S]. Each step is
/// evaluated and detached, so that memory does not grow with the number of steps; derivatives stop at the
/// result.
/// @throws Error if the grid has fewer than two times.
Tensor integrate(Solver solver, const TimedField& v, const Tensor& x, std::span<const double> grid,
                 const StepCallback& on_step = nullptr);

}  // namespace nabla::flow
