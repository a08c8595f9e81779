#pragma once

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

/// Evaluates the stages of one step from x up to stage `stages`, appending to `slopes`, which holds those
/// that are known already; slope_at(state, c) gives the slope at a state and at c of the step. Returns the
/// state of the last stage: with all stages of a table that is first same as last, that is the end of the
/// step.
template <class SlopeAt>
Tensor evaluate_stages(const ButcherTable& table, int stages, const Tensor& x, const Tensor& step,
                       std::vector<Tensor>& slopes, const SlopeAt& slope_at) {
  slopes.reserve(stages);
  Tensor state;
  for (int stage = static_cast<int>(slopes.size()); stage < stages; ++stage) {
    state = advance(x, step, table.a[stage], slopes);
    slopes.push_back(slope_at(state, table.c[stage]));
  }
  return state;
}

}  // namespace nabla::flow
