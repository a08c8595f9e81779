#pragma once

#include <span>

#include "flow/field.h"

namespace nabla::flow {

/// x + (r - t) u(x, t, r): where an average velocity takes x [B, *S] from time t to time r, in one
/// evaluation.
Tensor flow_map(const AverageField& u, const Tensor& x, const Tensor& t, const Tensor& r);

/// Follows an average velocity through the times of `grid`, one evaluation a step: with {0, 1} noise becomes
/// data in one step. Derivatives pass through. @throws Error if the grid has fewer than two times.
Tensor integrate_average(const AverageField& u, const Tensor& x, std::span<const double> grid);

}  // namespace nabla::flow
