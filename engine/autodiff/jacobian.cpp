#include "engine/autodiff/jacobian.h"

#include <algorithm>
#include <numeric>

#include "engine/autodiff/alignment.h"
#include "engine/autodiff/jvp.h"
#include "engine/autodiff/samplewise.h"
#include "engine/autodiff/substitute.h"
#include "engine/autodiff/trace_contraction.h"
#include "engine/autodiff/vjp.h"
#include "engine/graph/walk.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

// Directions pushed at once, so that the tangents of the widest node between x and y stay within the budget.
std::int64_t chunk_size(const Tensor& y, const Tensor& x, std::int64_t directions,
                        const JacobianOptions& options) {
  std::int64_t widest = x.size();
  for (const Node* node : dependents(std::span(&y, 1), std::span(&x, 1), Through::differentiable).nodes)
    widest = std::max(widest, node->shape().size());
  const std::int64_t bytes =
      std::max<std::int64_t>(1, widest * static_cast<std::int64_t>(size_of(x.dtype())));
  return std::clamp<std::int64_t>(options.tangent_bytes / bytes, 1, std::max<std::int64_t>(1, directions));
}

// Rows start..stop of the identity as directions of shape [stop-start, 1.., *sample].
Tensor one_hot_directions(std::int64_t start, std::int64_t stop, int ones, const Shape& sample, DType dtype) {
  const Shape shape = concatenate(concatenate(Shape{stop - start}, Shape::filled(ones, 1)), sample);
  return reshape(slice(identity(sample.size(), dtype), 0, start, stop), shape);
}

// Calls use(directions) for one chunk of one-hot directions after the other.
template <class Use>
void for_each_chunk(const Shape& sample, int ones, DType dtype, std::int64_t chunk, Use use) {
  for (std::int64_t start = 0; start < sample.size(); start += chunk)
    use(one_hot_directions(start, std::min(start + chunk, sample.size()), ones, sample, dtype));
}

Tensor move_first_axis_last(const Tensor& x) {
  std::vector<int> order(static_cast<std::size_t>(x.rank()));
  std::iota(order.begin(), order.end(), 1);
  order.back() = 0;
  return permute(x, order);
}

// Derivatives of y by x; `batch` outermost axes of both hold samples that do not mix.
Tensor all_derivatives(const Tensor& y, const Tensor& x, int batch, const JacobianOptions& options) {
  const Shape samples = y.shape().first(batch);
  const Shape inner_x = x.shape().without_first(batch);
  const Shape inner_y = y.shape().without_first(batch);
  const bool forward = options.mode == JacobianMode::forward ||
                       (options.mode == JacobianMode::automatic && inner_x.size() <= inner_y.size());
  const Shape& directions = forward ? inner_x : inner_y;
  const Shape& results = forward ? inner_y : inner_x;
  const std::span<const Tensor> ys(&y, 1);
  const std::span<const Tensor> xs(&x, 1);
  std::vector<Tensor> chunks;
  for_each_chunk(directions, batch, x.dtype(), chunk_size(y, x, directions.size(), options),
                 [&](const Tensor& seeds) {
                   const std::span<const Tensor> seed(&seeds, 1);
                   const std::optional<Tensor> pushed = forward ? jvp(ys, xs, seed)[0] : vjp(ys, xs, seed)[0];
                   const Shape shape = concatenate(concatenate(Shape{seeds.shape()[0]}, samples), results);
                   chunks.push_back(pushed ? broadcast_to(*pushed, shape) : zeros(shape, x.dtype()));
                 });
  const Shape result = concatenate(concatenate(samples, inner_y), inner_x);
  if (chunks.empty()) return zeros(result, x.dtype());
  Tensor all = concatenate(chunks, 0);  // [directions, samples.., results..]
  if (forward) return reshape(move_first_axis_last(all), result);
  std::vector<int> order(static_cast<std::size_t>(all.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin(), order.begin() + 1, order.begin() + 1 + batch);  // samples first, then directions
  return reshape(permute(all, order), result);
}

struct FieldOnVariable {
  Tensor x;
  Tensor y;
};

FieldOnVariable on_variable(const char* what, const Field& v, const Tensor& x, bool same_shape) {
  FieldOnVariable field{variable(x.shape(), x.dtype()), {}};
  field.y = v(field.x);
  if (!is_floating(x.dtype()) || field.y.dtype() != x.dtype())
    throw Error(std::string(what) + ": argument " + std::string(name_of(x.dtype())) + " and result " +
                std::string(name_of(field.y.dtype())) + " must be of one floating type");
  if (same_shape && !(field.y.shape() == x.shape()))
    throw Error(std::string(what) + ": the field maps " + to_string(x.shape()) + " to " +
                to_string(field.y.shape()) + "; a diagonal needs equal shapes");
  return field;
}

Tensor put_back(const Tensor& result, const FieldOnVariable& field, const Tensor& x) {
  return substitute(std::span(&result, 1), std::span(&field.x, 1), std::span(&x, 1))[0];
}

// Contracts tangent k with direction k over `summed` axes of [K, B, *S] and adds up the chunks.
Tensor contract_diagonal(const FieldOnVariable& field, const Axes& summed, const Shape& result,
                         const JacobianOptions& options) {
  const Tensor& x = field.x;
  const Shape sample = x.shape().without_first(1);
  Tensor total;
  for_each_chunk(sample, 1, x.dtype(), chunk_size(field.y, x, sample.size(), options),
                 [&](const Tensor& seeds) {
                   const std::optional<Tensor> tangent =
                       jvp_compressed(std::span(&field.y, 1), std::span(&x, 1), std::span(&seeds, 1))[0];
                   if (!tangent) return;
                   const Tensor part = drop_axes(contraction(*tangent, seeds, summed), summed);
                   total = total ? total + part : part;
                 });
  return total ? broadcast_to(total, result) : zeros(result, x.dtype());
}

}  // namespace

Tensor jacobian(const Field& f, const Tensor& x, const JacobianOptions& options) {
  const FieldOnVariable field = on_variable("jacobian", f, x, /*same_shape=*/false);
  return put_back(all_derivatives(field.y, field.x, 0, options), field, x);
}

Tensor sample_jacobian(const Field& v, const Tensor& x, const JacobianOptions& options) {
  const FieldOnVariable field = on_variable("sample_jacobian", v, x, /*same_shape=*/false);
  require_samplewise("sample_jacobian", field.y, field.x);
  return put_back(all_derivatives(field.y, field.x, 1, options), field, x);
}

Tensor divergence(const Field& v, const Tensor& x, const JacobianOptions& options) {
  const FieldOnVariable field = on_variable("divergence", v, x, /*same_shape=*/true);
  require_samplewise("divergence", field.y, field.x);
  if (options.divergence != DivergenceMethod::forward) {
    const TracePlan plan = plan_trace(linear_graph(field.y, field.x));
    if (options.divergence == DivergenceMethod::contraction || is_worth_contracting(plan))
      return put_back(contracted_trace(plan, options.tangent_bytes), field, x);
  }
  Axes summed{-x.rank() - 1};
  for (int axis = 1 - x.rank(); axis < 0; ++axis) summed.push_back(axis);
  return put_back(contract_diagonal(field, summed, x.shape().first(1), options), field, x);
}

Tensor jacobian_diagonal(const Field& v, const Tensor& x, const JacobianOptions& options) {
  const FieldOnVariable field = on_variable("jacobian_diagonal", v, x, /*same_shape=*/true);
  require_samplewise("jacobian_diagonal", field.y, field.x);
  return put_back(contract_diagonal(field, {-x.rank() - 1}, x.shape(), options), field, x);
}

}  // namespace nabla
