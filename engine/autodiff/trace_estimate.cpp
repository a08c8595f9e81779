#include "engine/autodiff/trace_estimate.h"

#include "engine/autodiff/alignment.h"
#include "engine/autodiff/jvp.h"
#include "engine/autodiff/samplewise.h"
#include "engine/autodiff/substitute.h"
#include "engine/ops/composed.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduction.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

// A field at a variable, with products J t for tangents [K, B, D] of flattened samples.
class FlatField {
 public:
  FlatField(const char* what, const Field& v, const Tensor& x)
      : argument_(x), x_(variable(x.shape(), x.dtype())) {
    y_ = v(x_);
    if (!is_floating(x.dtype()) || y_.dtype() != x.dtype() || !(y_.shape() == x.shape()))
      throw Error(std::string(what) + ": the field maps " + to_string(x.shape()) + " " +
                  std::string(name_of(x.dtype())) + " to " + to_string(y_.shape()) + " " +
                  std::string(name_of(y_.dtype())) + "; it must keep shape and floating type");
    require_samplewise(what, y_, x_);
  }
  std::int64_t samples() const { return x_.shape()[0]; }
  std::int64_t extent() const { return x_.shape().without_first(1).size(); }
  DType dtype() const { return x_.dtype(); }
  Shape flat(std::int64_t count) const { return {count, samples(), extent()}; }

  Tensor times(const Tensor& tangents) const {
    const Shape full = concatenate(tangents.shape().first(2), x_.shape().without_first(1));
    const Tensor seeds = reshape(tangents, full);
    const std::optional<Tensor> pushed = jvp(std::span(&y_, 1), std::span(&x_, 1), std::span(&seeds, 1))[0];
    const Shape result = flat(tangents.shape()[0]);
    return pushed ? reshape(*pushed, result) : zeros(result, dtype());
  }
  Tensor put_back(const Tensor& result) const {
    return substitute(std::span(&result, 1), std::span(&x_, 1), std::span(&argument_, 1))[0];
  }
  Tensor shaped(const Tensor& flat) const { return reshape(flat, argument_.shape()); }

 private:
  Tensor argument_;
  Tensor x_;
  Tensor y_;
};

Tensor random_signs(const Tensor& key, const Shape& shape, DType dtype) {
  return cast(less(uniform(key, shape), 0.5), dtype) * 2.0 - 1.0;
}

// Mean over the outermost axis, and its standard error.
Estimate mean_of(const Tensor& probes) {
  const double count = static_cast<double>(probes.shape()[0]);
  const Tensor middle = mean(probes, {0});
  const Tensor spread = sum(square(probes - insert_axes(middle, {-probes.rank()})), {0}) / (count - 1);
  return {middle, sqrt(spread / count)};
}

// Orthonormal directions [K, B, D] that span those given, sample by sample (Gram and Schmidt, each twice).
// What is spanned already becomes zero.
Tensor orthonormal(const Tensor& directions) {
  const std::int64_t count = directions.shape()[0];
  std::vector<Tensor> basis;
  for (std::int64_t k = 0; k < count; ++k) {
    Tensor v = slice(directions, 0, k, k + 1);
    const Tensor before = sum(square(v), {-1}, true);
    for (int turn = 0; turn < 2; ++turn)
      for (const Tensor& q : basis) v = v - q * sum(q * v, {-1}, true);
    const Tensor squared = sum(square(v), {-1}, true);
    const Tensor is_new = greater(squared, before * (directions.dtype() == DType::f64 ? 1e-24 : 1e-10));
    basis.push_back(select(is_new, v * rsqrt(select(is_new, squared, 1.0)), 0.0));
  }
  return concatenate(basis, 0);
}

}  // namespace

Estimate estimate_divergence(const Field& v, const Tensor& x, const Tensor& key,
                             const EstimateOptions& options) {
  const bool sketches = options.method == EstimateMethod::hutch_plus_plus;
  if (options.products < (sketches ? 6 : 2))
    throw Error("estimate_divergence: " + std::to_string(options.products) +
                " products are too few; at least " + (sketches ? "6 for hutch_plus_plus" : "2"));
  const FlatField field("estimate_divergence", v, x);
  const auto probe = [&](const Tensor& e) { return sum(e * field.times(e), {-1}); };  // [K, B]
  Estimate found;
  if (!sketches) {
    found = mean_of(probe(random_signs(key, field.flat(options.products), field.dtype())));
  } else {
    const std::int64_t third = options.products / 3;
    const Tensor keys = split(key, 2);
    const auto key_of = [&](std::int64_t i) { return drop_axes(slice(keys, 0, i, i + 1), {0}); };
    const Tensor q = orthonormal(field.times(random_signs(key_of(0), field.flat(third), field.dtype())));
    const Tensor on_range = sum(q * field.times(q), {0, -1});
    // Probes without their part in the range: e - Q Q^T e.
    const Tensor e = random_signs(key_of(1), field.flat(options.products - 2 * third), field.dtype());
    const Tensor rest = e - einsum("kqb,qbd->kbd", einsum("kbd,qbd->kqb", e, q), q);
    found = mean_of(probe(rest));
    found.value = found.value + on_range;
  }
  return {field.put_back(found.value), field.put_back(found.standard_error)};
}

Estimate estimate_jacobian_diagonal(const Field& v, const Tensor& x, const Tensor& key,
                                    std::int64_t products) {
  if (products < 2)
    throw Error("estimate_jacobian_diagonal: " + std::to_string(products) +
                " products are too few; at least 2");
  const FlatField field("estimate_jacobian_diagonal", v, x);
  const Tensor e = random_signs(key, field.flat(products), field.dtype());
  const Estimate found = mean_of(e * field.times(e));
  return {field.shaped(field.put_back(found.value)), field.shaped(field.put_back(found.standard_error))};
}

Tensor coloured_jacobian_diagonal(const Field& v, const Tensor& x, std::int64_t radius,
                                  const std::optional<Tensor>& key) {
  if (radius < 0 || x.rank() < 2)
    throw Error("coloured_jacobian_diagonal: radius " + std::to_string(radius) + " of samples " +
                to_string(x.shape()) + "; it must not be negative, and samples need an axis");
  const FlatField field("coloured_jacobian_diagonal", v, x);
  const std::int64_t extent = x.shape()[-1];
  const std::int64_t rows = field.extent() / std::max<std::int64_t>(1, extent);
  const std::int64_t near = std::min(radius + 1, extent);
  // One colour for each place of a period, in each row of the other axes.
  const std::int64_t periods = (extent + near - 1) / std::max<std::int64_t>(1, near);
  const Tensor repeated = broadcast_to(insert_axes(identity(near, x.dtype()), {-2}), {near, periods, near});
  const Tensor by_place = slice(reshape(repeated, {near, periods * near}), 1, 0, extent);
  const Tensor by_row = identity(rows, x.dtype());
  Tensor seeds = reshape(einsum("rs,ce->rcse", by_row, by_place), {rows * near, 1, rows * extent});
  if (key) seeds = seeds * random_signs(*key, {1, field.samples(), field.extent()}, x.dtype());
  const Tensor pushed = field.times(broadcast_to(seeds, field.flat(rows * near)));
  return field.shaped(field.put_back(sum(pushed * seeds, {0})));
}

}  // namespace nabla
