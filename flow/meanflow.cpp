#include "flow/meanflow.h"

#include <string>
#include <vector>

#include "engine/autodiff/jvp.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/slicing.h"
#include "engine/tensor/number_text.h"
#include "flow/per_sample.h"

namespace nabla::flow {
namespace {

// u and its derivative along (velocity, 1) in (x, t), on one primal pass.
ValuesAndTangents along_path(const AverageField& u, const Tensor& x, const Tensor& t, const Tensor& r,
                             const Tensor& velocity) {
  return jvp([&](const std::vector<Tensor>& at) -> std::vector<Tensor> { return {u(at[0], at[1], r)}; },
             {x, t}, {velocity, ones_like(t)});
}

// |error|^2 of every sample: [B].
Tensor squared_length(const Tensor& error) { return sum(square(error), element_axes(error)); }

void check_times(const TimePairs& times, const Tensor& x) {
  const Shape expected{x.shape()[0], 1};
  if (!(times.t.shape() == expected) || !(times.r.shape() == expected) || times.averaged < 0 ||
      times.averaged > x.shape()[0])
    throw Error("meanflow_loss: times " + to_string(times.t.shape()) + " and " + to_string(times.r.shape()) +
                " with " + std::to_string(times.averaged) + " averaged rows do not fit samples " +
                to_string(x.shape()));
}

}  // namespace

MeanFlowLoss meanflow_loss(const AverageField& u, const AffinePath& path, const Pair& pair,
                           const TimePairs& times, const MeanFlowOptions& options) {
  if (!(options.power >= 0) || !(options.offset >= 0) || !(options.averaged_weight >= 0))
    throw Error("meanflow_loss: power " + number_text(options.power) + ", offset " +
                number_text(options.offset) + " and weight of averaged rows " +
                number_text(options.averaged_weight) + " must not be negative");
  const PathPoint point = interpolate(path, pair.x0, pair.x1, times.t);
  check_times(times, point.x);
  const std::int64_t rows = point.x.shape()[0];
  const auto averaged = [&](const Tensor& a) { return slice(a, 0, 0, times.averaged); };
  const auto instantaneous = [&](const Tensor& a) { return slice(a, 0, times.averaged, rows); };

  const DType dtype = point.x.dtype();
  MeanFlowLoss loss{zeros(Shape{}, dtype), zeros(Shape{}, dtype), zeros(Shape{}, dtype),
                    zeros(Shape{}, dtype)};
  // Adds the rows of one part to the totals and returns their own mean.
  const auto add = [&](const Tensor& error, std::int64_t count, double factor) {
    const Tensor lengths = squared_length(error);
    const double share = 1.0 / static_cast<double>(rows);
    const Tensor total = sum(lengths);
    Tensor weighted = total;
    if (options.power > 0) {
      // Where the error is 0 and the offset too the weight does not matter, but must be a number.
      const Tensor base = stop_gradient(lengths) + options.offset;
      weighted = sum(lengths / pow(select(equal(base, 0), 1, base), options.power));
    }
    loss.raw = loss.raw + total * share;
    loss.weighted = loss.weighted + weighted * (factor * share);
    return total * (1.0 / static_cast<double>(count));
  };
  if (times.averaged > 0) {
    const Tensor x = averaged(point.x), t = averaged(times.t), r = averaged(times.r);
    const Tensor v = averaged(point.velocity);
    const Tensor along = options.tangent == MeanFlowTangent::predicted ? stop_gradient(u(x, t, t)) : v;
    require_velocity("meanflow_loss", along, x);
    const ValuesAndTangents at = along_path(u, x, t, r, along);
    require_velocity("meanflow_loss", at.values[0], x);
    const Tensor target = stop_gradient(v + time_factor("meanflow_loss", r - t, x) * at.tangents[0]);
    loss.averaged = add(at.values[0] - target, times.averaged, options.averaged_weight);
  }
  if (times.averaged < rows) {
    const Tensor x = instantaneous(point.x), t = instantaneous(times.t);
    const Tensor velocity = u(x, t, t);
    require_velocity("meanflow_loss", velocity, x);
    loss.instantaneous = add(velocity - instantaneous(point.velocity), rows - times.averaged, 1);
  }
  return loss;
}

Tensor total_derivative(const AverageField& u, const Tensor& x, const Tensor& t, const Tensor& r) {
  return along_path(u, x, t, r, u(x, t, t)).tangents[0];
}

Tensor meanflow_residual(const AverageField& u, const Tensor& x, const Tensor& t, const Tensor& r) {
  const Tensor v = u(x, t, t);
  require_velocity("meanflow_residual", v, x);
  const ValuesAndTangents at = along_path(u, x, t, r, v);
  return at.values[0] - (v + time_factor("meanflow_residual", r - t, x) * at.tangents[0]);
}

Tensor split_residual(const AverageField& u, const Tensor& x, const Tensor& t, const Tensor& s,
                      const Tensor& r) {
  const auto step = [&](const Tensor& from, const Tensor& to) {
    return time_factor("split_residual", to - from, x);
  };
  const Tensor first = u(x, t, s);
  require_velocity("split_residual", first, x);
  const Tensor half_way = x + step(t, s) * first;
  return step(t, r) * u(x, t, r) - step(t, s) * first - step(s, r) * u(half_way, s, r);
}

}  // namespace nabla::flow
