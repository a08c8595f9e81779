#include "engine/autodiff/jacobian/along_basis.h"

#include <algorithm>
#include <numeric>

#include "engine/autodiff/jacobian/one_hot_seeds.h"
#include "engine/autodiff/jvp.h"
#include "engine/autodiff/transform.h"
#include "engine/autodiff/vjp.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

// Calls use(directions) for one chunk after the other of the first `count`.
template <class Use>
void for_each_chunk(const DirectionsOf& directions, std::int64_t chunk, std::int64_t count, Use use) {
  for (std::int64_t start = 0; start < count; start += chunk)
    use(directions(start, std::min(start + chunk, count)));
}

DirectionsOf one_hot(const Shape& sample, int batch, DType dtype) {
  return
      [=](std::int64_t start, std::int64_t stop) { return one_hot_seeds(start, stop, sample, dtype, batch); };
}

std::optional<Tensor> derivative_along(const FieldOnVariable& field, const Tensor& seeds, Direction direction,
                                       bool compressed) {
  if (direction == Direction::reverse) return vjp(field.y, field.x, seeds);
  return compressed ? jvp_compressed(field.y, field.x, seeds) : jvp(field.y, field.x, seeds);
}

Tensor move_first_axis_last(const Tensor& x) {
  std::vector<int> order(x.rank());
  std::iota(order.begin(), order.end(), 1);
  order.back() = 0;
  return permute(x, order);
}

// Contracts direction k with what became of it over `summed` axes of [K, B, *S] and adds up the chunks.
Tensor sum_along(const FieldOnVariable& field, const DirectionsOf& directions, const Axes& summed,
                 const Shape& result, Direction direction, std::int64_t at_once, std::int64_t count) {
  Tensor total;
  for_each_chunk(directions, at_once, count, [&](const Tensor& seeds) {
    const std::optional<Tensor> found = derivative_along(field, seeds, direction, /*compressed=*/true);
    if (!found) return;
    const Tensor part = drop_axes(contraction(*found, seeds, summed), summed);
    total = total.defined() ? total + part : part;
  });
  return total.defined() ? broadcast_to(total, result) : zeros(result, field.dtype());
}

}  // namespace

Tensor jacobian_along_basis(const FieldOnVariable& field, int batch, Direction direction,
                            std::int64_t at_once) {
  const bool forward = direction == Direction::forward;
  const Shape samples = field.y.shape().first(batch);
  const Shape inner_x = field.x.shape().without_first(batch);
  const Shape inner_y = field.y.shape().without_first(batch);
  const Shape& directions = forward ? inner_x : inner_y;
  const Shape& results = forward ? inner_y : inner_x;
  std::vector<Tensor> chunks;
  const DirectionsOf basis = one_hot(directions, batch, field.dtype());
  for_each_chunk(basis, at_once, directions.size(), [&](const Tensor& seeds) {
    const std::optional<Tensor> pushed = derivative_along(field, seeds, direction, /*compressed=*/false);
    const Shape shape = concatenate(concatenate(Shape{seeds.shape()[0]}, samples), results);
    chunks.push_back(pushed ? broadcast_to(*pushed, shape) : zeros(shape, field.dtype()));
  });
  const Shape result = concatenate(concatenate(samples, inner_y), inner_x);
  if (chunks.empty()) return zeros(result, field.dtype());
  Tensor found = concatenate(chunks, 0);  // [directions, samples.., results..]
  if (forward) return reshape(move_first_axis_last(found), result);
  std::vector<int> order(found.rank());
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin(), order.begin() + 1, order.begin() + 1 + batch);  // samples first, then directions
  return reshape(permute(found, order), result);
}

DirectionsOf standard_basis(const FieldOnVariable& field) {
  return one_hot(field.x.shape().without_first(1), 1, field.dtype());
}

Tensor trace_along(const FieldOnVariable& field, const DirectionsOf& directions, Direction direction,
                   std::int64_t at_once, std::int64_t count) {
  const int rank = field.x.rank();
  Axes summed{-rank - 1};
  for (int axis = 1 - rank; axis < 0; ++axis) summed.push_back(axis);
  return sum_along(field, directions, summed, field.x.shape().first(1), direction, at_once, count);
}

Tensor diagonal_along(const FieldOnVariable& field, const DirectionsOf& directions, Direction direction,
                      std::int64_t at_once, std::int64_t count) {
  return sum_along(field, directions, {-field.x.rank() - 1}, field.x.shape(), direction, at_once, count);
}

}  // namespace nabla
