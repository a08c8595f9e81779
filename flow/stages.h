#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/tensor/tensor.h"
#include "flow/butcher.h"

namespace nabla::flow {

/// Sums weights[i] slopes[i] over the weights that are not 0. There may be more weights than slopes if the
/// rest are 0; the result is undefined if all are.
Tensor combine(std::span<const double> weights, std::span<const Tensor> slopes);

/// Goes from x [B, *S] by `step`, of a shape that broadcasts to it, times the combined slopes.
Tensor advance(const Tensor& x, const Tensor& step, std::span<const double> weights,
               std::span<const Tensor> slopes);

/// The time c into the step from `from` to `to`, which for c = 1 is `to` itself, not rounded.
double stage_time(double c, double from, double to);

/// The slope at a state and at c of the step.
using StageSlope = std::function<Tensor(const Tensor& x, double c)>;

/// Evaluates the stages of one step from x up to stage `stages`, appending to `slopes`, which holds those
/// that are known already. Returns the state of the last stage: with all stages of a table that is first same
/// as last, that is the end of the step.
Tensor evaluate_stages(const ButcherTable& table, int stages, const Tensor& x, const Tensor& step,
                       std::vector<Tensor>& slopes, const StageSlope& slope_at);

}  // namespace nabla::flow
