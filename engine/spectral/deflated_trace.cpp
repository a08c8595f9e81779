#include "engine/spectral/deflated_trace.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/graph/evaluation.h"
#include "engine/ops/composed.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/plan/evaluate.h"
#include "engine/spectral/dense/symmetric_eigenvalues.h"

namespace nabla {
namespace {

constexpr const char* kDeflatedTrace = "DeflatedTrace";

// q^T A q of each direction [K, B, D] with its image, in f64: [K, B].
Tensor quadratic_forms(const Tensor& directions, const Tensor& images) {
  return sum(cast(directions, DType::f64) * cast(images, DType::f64), {-1});
}

// Unit vectors, uniform on the sphere orthogonal to the basis: normal ones stay normal when they are
// projected.
Tensor probes_beside(const Tensor& basis, const Tensor& key, std::int64_t count) {
  Tensor probes = normal(key, Shape{count, basis.shape()[1], basis.shape()[2]}, basis.dtype());
  for (int turn = 0; turn < 2; ++turn) probes = probes - combine(inner_products(probes, basis), basis);
  const Tensor length = norm(probes, {-1}, true);
  const Tensor is_zero = equal(length, 0);
  return probes * select(is_zero, 0.0, 1 / select(is_zero, 1.0, length));
}

}  // namespace

DeflatedTrace::DeflatedTrace(const DeflationOptions& options) : options_(options) {
  if (options.rank < 1 || options.probes < 2 || options.warm_up < 0)
    throw Error(std::string(kDeflatedTrace) + ": rank " + std::to_string(options.rank) + ", probes " +
                std::to_string(options.probes) + " and warm_up " + std::to_string(options.warm_up) +
                " must be at least 1, 2 and 0");
}

Estimate DeflatedTrace::estimate(const LinearOperator& a, const Tensor& key) {
  const std::int64_t extent = a.domain.without_first(1).size();
  if (!(a.domain == a.range) || extent < 1)
    throw Error(std::string(kDeflatedTrace) + ": the operator maps " + to_string(a.domain) + " to " +
                to_string(a.range) + "; a trace needs equal spaces that are not empty");
  if (a.domain[0] == 0) return {zeros(Shape{0}, DType::f64), zeros(Shape{0}, DType::f64)};
  if (!basis_.directions.defined()) {
    domain_ = a.domain;
    dtype_ = a.dtype;
    const Tensor start =
        normal(fold_in(key, 0), Shape{std::min(options_.rank, extent), a.domain[0], extent}, a.dtype);
    basis_ = orthonormal_beside(start, {});
    for (std::int64_t i = 0; i < options_.warm_up; ++i)
      turn(a, fold_in(key, static_cast<std::uint32_t>(i + 2)));
  } else if (!(domain_ == a.domain) || dtype_ != a.dtype) {
    throw Error(std::string(kDeflatedTrace) + ": an operator on " + to_string(a.domain) + " " +
                std::string(name_of(a.dtype)) + " after one on " + to_string(domain_) + " " +
                std::string(name_of(dtype_)));
  }
  return turn(a, fold_in(key, 1));
}

Estimate DeflatedTrace::turn(const LinearOperator& a, const Tensor& key) {
  const Tensor& basis = basis_.directions;
  const std::int64_t rank = basis.shape()[0];
  const std::int64_t samples = basis.shape()[1];
  const std::int64_t extent = basis.shape()[2];
  std::vector<double> others;  // dimensions of what is orthogonal to the basis
  for (std::int64_t b = 0; b < samples; ++b) {
    const auto own = basis_.nonzero.begin() + b * rank;
    others.push_back(static_cast<double>(extent - std::count(own, own + rank, 1)));
  }
  const Tensor dimensions = tensor(others, Shape{samples});

  const Tensor directions = concatenate({basis, probes_beside(basis, key, options_.probes)}, 0).detach();
  const std::int64_t count = directions.shape()[0];
  const Tensor images =
      reshape(a.apply(reshape(directions, concatenate(Shape{count}, a.domain))), directions.shape());
  products_ += count;
  const Tensor forms = quadratic_forms(directions, images);
  const Tensor means = slice(forms, 0, rank, count);  // of the rest's eigenvalues, one of each probe
  const Tensor middle = mean(means, {0});
  const double probes = static_cast<double>(options_.probes);
  const Tensor spread = lengths(transpose(means - insert_axes(middle, {-2})));
  const Estimate found{sum(slice(forms, 0, 0, rank), {0}) + dimensions * middle,
                       dimensions * spread / std::sqrt(probes * (probes - 1))};
  const Tensor rest = images - directions * cast(insert_axes(middle, {-1}), dtype_);
  const Tensor shifted = select(equal(rest - rest, 0), rest, 0.0);  // a basis holds no NaN
  const Tensor largest = cast(reduce_max(abs(shifted), {0, 2}), DType::f64);
  evaluate({found.value, found.standard_error, shifted, largest});
  const Tensor factors = tensor(factors_to_one(largest.data<double>(), dtype_), Shape{samples, 1});
  refresh((shifted.detach() * cast(factors, dtype_)).detach(), rank);
  Evaluation evaluation(kDeflatedTrace);
  return {evaluation.leaf(found.value), evaluation.leaf(found.standard_error)};
}

// The leading left singular vectors of the images [K, B, D], whose largest elements are near 1, from their
// Gram matrices.
void DeflatedTrace::refresh(const Tensor& images, std::int64_t rank) {
  const std::int64_t count = images.shape()[0];
  const std::int64_t samples = images.shape()[1];
  const Tensor gram = cast(inner_products(images, images), DType::f64);
  const std::span<const double> products = gram.data<double>();
  std::vector<double> coefficients;
  for (std::int64_t b = 0; b < samples; ++b) {
    const auto first = products.begin() + b * count * count;
    const std::vector<double> own(first, first + count * count);
    const SymmetricEigen eigen = symmetric_eigen(own, count);
    const auto largest = eigen.vectors.end() - rank * count;
    coefficients.insert(coefficients.end(), largest, eigen.vectors.end());
  }
  basis_ = orthonormal_beside(
      combine(cast(tensor(coefficients, Shape{samples, rank, count}), images.dtype()), images), {});
}

}  // namespace nabla
