#include "uncertainty/conservativity.h"

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "engine/ops/composed.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/spectral/linear_operator.h"
#include "flow/gauss_legendre.h"
#include "flow/per_sample.h"
#include "uncertainty/student_t.h"

namespace nabla::uncertainty {
namespace {

// Random signs.
Tensor signs(const Tensor& key, const Shape& shape, DType dtype) {
  return select(less(uniform(key, shape, dtype), 0.5), full(shape, -1, dtype), full(shape, 1, dtype));
}

// The unit vectors of a sample's elements, the same for every sample: [D, B, *S].
Tensor unit_vectors(const Tensor& x) {
  const Shape sample = x.shape().without_first(1);
  const Tensor each =
      reshape(identity(sample.size(), x.dtype()), concatenate(Shape{sample.size(), 1}, sample));
  return broadcast_to(each, concatenate(Shape{sample.size()}, x.shape()));
}

Tensor row_of(const std::vector<double>& numbers, const Shape& shape, DType dtype) {
  return cast(tensor(numbers, shape), dtype);
}

}  // namespace

Conservativity conservativity(const flow::TimedField& v, const Tensor& x, const Tensor& t, const Tensor& key,
                              std::int64_t probes) {
  if (probes < 4)
    throw Error("conservativity: " + std::to_string(probes) +
                " probes; there must be at least four, to tell how far they lie apart");
  const LinearOperator j = jacobian_operator([&](const Tensor& at) { return v(at, t); }, x);
  if (!(j.domain == j.range))
    throw Error("conservativity: the field maps " + to_string(j.domain) + " to " + to_string(j.range) +
                "; only one that keeps the shape can be a gradient");
  const std::int64_t count = x.shape().without_first(1).size();
  const bool exact = count <= probes;
  const Tensor e = exact ? unit_vectors(x) : signs(key, concatenate(Shape{probes}, x.shape()), x.dtype());
  const Tensor forward = j.apply(e), reverse = j.apply_transpose(e);
  const Axes elements = flow::element_axes(x);
  // The ratio does not change with the size of the Jacobian, whose squares may be out of range.
  const Tensor largest = stop_gradient(reduce_max(
      max(reduce_max(abs(forward), elements, true), reduce_max(abs(reverse), elements, true)), {0}));
  const Tensor size = select(equal(largest, 0), 1.0, largest);
  const Tensor apart = sum(square((forward - reverse) / size), elements);  // [probes, B]
  const Tensor together = sum(square((forward + reverse) / size), elements);
  const Tensor ratio = sum(apart, {0}) / sum(together, {0});
  if (exact) return {ratio, zeros_like(ratio), zeros_like(ratio)};
  const double n = static_cast<double>(probes);
  const Tensor error = sqrt(sum(square(apart - ratio * together), {0}) * (n / (n - 1))) / sum(together, {0});
  return {ratio, error, error * student_t_95(probes - 1)};
}

LoopWork loop_work(const flow::TimedField& v, const Tensor& vertices, const Tensor& t, std::int64_t nodes) {
  if (vertices.rank() < 3 || vertices.shape()[0] < 3)
    throw Error("loop_work: vertices " + to_string(vertices.shape()) +
                " must be [P, B, ..] with at least three of them");
  const Tensor first = vertices[0];
  flow::time_factor("loop_work", t, first);
  const std::int64_t corners = vertices.shape()[0], samples = first.shape()[0];
  const flow::Quadrature rule = flow::gauss_legendre(nodes);
  const Tensor next = concatenate({slice(vertices, 0, 1, corners), slice(vertices, 0, 0, 1)}, 0);
  // [P, N, B, *S] with N nodes on each side.
  const int node_axis = -first.rank() - 1;
  const Tensor side = insert_axes(next - vertices, {node_axis});
  const Shape along = concatenate(Shape{nodes}, Shape::filled(first.rank(), 1));
  const Tensor places = insert_axes(vertices, {node_axis}) + row_of(rule.nodes, along, first.dtype()) * side;
  const std::int64_t rows = corners * nodes * samples;
  const Tensor times =
      t.shape()[0] == 1 ? t : reshape(broadcast_to(t, Shape{corners * nodes, samples, 1}), Shape{rows, 1});
  const Tensor x = reshape(places, concatenate(Shape{rows}, first.shape().without_first(1)));
  const Tensor velocity = v(x, times);
  flow::require_velocity("loop_work", velocity, x);
  const Tensor rates = sum(reshape(velocity, places.shape()) * side, flow::element_axes(first));  // [P, N, B]
  const Tensor weights = row_of(rule.weights, Shape{nodes, 1}, first.dtype());
  return {sum(weights * rates, {0, 1}), sum(weights * abs(rates), {0, 1})};
}

Tensor polygon_around(const Tensor& x, double radius, const Tensor& key, std::int64_t corners) {
  if (corners < 3 || x.rank() < 2 || x.shape().without_first(1).size() < 2)
    throw Error("polygon_around: " + std::to_string(corners) + " corners around samples " +
                to_string(x.shape()) + "; there must be three of two elements at least");
  const Tensor keys = split(key, 2);
  const Axes elements = flow::element_axes(x);
  const auto unit = [&](const Tensor& a) { return a / norm(a, elements, /*keep_axes=*/true); };
  const Tensor e = unit(normal(keys[0], x.shape(), x.dtype()));
  const Tensor other = normal(keys[1], x.shape(), x.dtype());
  const Tensor f = unit(other - sum(other * e, elements, /*keep_axes=*/true) * e);
  std::vector<Tensor> vertices;
  for (std::int64_t i = 0; i < corners; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(corners);
    vertices.push_back(x + e * (radius * std::cos(angle)) + f * (radius * std::sin(angle)));
  }
  return stack(vertices);
}

}  // namespace nabla::uncertainty
