#include "engine/spectral/operator_determinant.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/autodiff/jacobian/one_hot_seeds.h"
#include "engine/autodiff/jacobian/probes.h"
#include "engine/compile/compile.h"
#include "engine/graph/evaluation.h"
#include "engine/ops/composed.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/plan/evaluate.h"
#include "engine/spectral/block_vectors.h"
#include "engine/spectral/dense/log_determinant.h"
#include "engine/spectral/dense/symmetric_eigenvalues.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

std::int64_t elements_of(const char* what, const LinearOperator& a) {
  const std::int64_t elements = a.domain.without_first(1).size();
  if (a.domain[0] != a.range[0] || elements != a.range.without_first(1).size())
    throw Error(std::string(what) + ": the operator maps " + to_string(a.domain) + " to " +
                to_string(a.range) + "; a determinant needs spaces of one size");
  return elements;
}

// The tridiagonal matrices that Lanczos iteration makes of an operator, one for each probe of each sample.
struct Tridiagonals {
  std::size_t count = 0;                          // of matrices
  std::vector<std::vector<double>> diagonal;      // [steps][count]
  std::vector<std::vector<double>> off_diagonal;  // [steps - 1][count]; 0 where the space is exhausted
};

// From unit vectors q [K, B, D].
Tridiagonals lanczos(const LinearOperator& a, Tensor q, const LogDeterminantOptions& options) {
  using Product = std::function<Tensor(const Tensor&)>;
  const Product product = options.compile_products ? Product(compile(a.apply)) : a.apply;
  const Shape flat = q.shape();
  const Shape full = concatenate(flat.first(1), a.domain);
  const std::int64_t steps = std::min(options.steps, flat[-1]);
  // What a step that has nowhere to go leaves is a rounding error.
  const double nowhere = 1e4 * precision_of(a.dtype);
  Tridiagonals found;
  found.count = flat[0] * flat[1];
  Tensor basis = insert_axes(q, {-4});  // [steps so far, K, B, D]
  for (std::int64_t i = 0; i < steps; ++i) {
    Tensor next = reshape(product(reshape(q, full)), flat);
    const Tensor image_length = lengths(next);
    const Tensor alpha = sum(cast(q, DType::f64) * cast(next, DType::f64), {-1});
    for (int turn = 0; turn < 2; ++turn)
      next = next - einsum("mkb,mkbd->kbd", einsum("mkbd,kbd->mkb", basis, next), basis);
    const Tensor length = lengths(next);
    const Tensor goes_on = greater(length, image_length * nowhere);
    const Tensor beta = select(goes_on, length, 0.0);
    const Tensor divisor = insert_axes(select(goes_on, length, 1.0), {-1});
    const Tensor unit =
        select(insert_axes(goes_on, {-1}), cast(cast(next, DType::f64) / divisor, a.dtype), 0.0);
    evaluate({alpha, beta, unit});
    found.diagonal.push_back(alpha.to_vector<double>());
    if (i + 1 == steps) break;
    found.off_diagonal.push_back(beta.to_vector<double>());
    q = unit.detach();
    basis = concatenate({basis, insert_axes(q, {-4})}, 0).detach();
  }
  return found;
}

// e1^T log(T) e1 for matrix `index`, up to where it falls apart.
double log_quadrature(const Tridiagonals& matrices, std::size_t index, std::int64_t sample) {
  std::size_t n = 1;
  while (n < matrices.diagonal.size() && matrices.off_diagonal[n - 1][index] > 0) ++n;
  std::vector<double> matrix(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    matrix[i * n + i] = matrices.diagonal[i][index];
    if (!std::isfinite(matrix[i * n + i]))
      throw Error("estimate_log_determinant: the operator gives a NaN or an infinity for sample " +
                  std::to_string(sample));
    if (i > 0) matrix[i * n + i - 1] = matrix[(i - 1) * n + i] = matrices.off_diagonal[i - 1][index];
  }
  const SymmetricEigen eigen = symmetric_eigen(matrix, n);
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!(eigen.values[i] > 0))
      throw Error("estimate_log_determinant: the operator of sample " + std::to_string(sample) +
                  " is not positive definite: it has a Ritz value of " + number_text(eigen.values[i]));
    const double weight = eigen.vectors[i * n];
    total += weight * weight * std::log(eigen.values[i]);
  }
  return total;
}

}  // namespace

Tensor log_abs_determinant(const LinearOperator& a, std::int64_t column_bytes) {
  const std::int64_t n = elements_of("log_abs_determinant", a);
  const std::int64_t samples = a.domain[0];
  const std::int64_t column =
      std::max<std::int64_t>(1, samples * n * static_cast<std::int64_t>(size_of(a.dtype)));
  const std::int64_t chunk = std::clamp<std::int64_t>(column_bytes / column, 1, std::max<std::int64_t>(1, n));
  std::vector<double> matrices(samples * n * n);  // rows are the operator's columns
  Evaluation evaluation("log_abs_determinant");
  for (std::int64_t start = 0; start < n; start += chunk) {
    const std::int64_t stop = std::min(start + chunk, n);
    const Tensor seeds = one_hot_seeds(start, stop, a.domain.without_first(1), a.dtype);
    const Tensor columns = cast(reshape(a.apply(seeds), Shape{stop - start, samples, n}), DType::f64);
    const std::span<const double> numbers = evaluation.reads(columns).data<double>();
    for (std::int64_t k = start; k < stop; ++k)
      for (std::int64_t b = 0; b < samples; ++b)
        std::copy_n(numbers.begin() + ((k - start) * samples + b) * n, n, matrices.begin() + (b * n + k) * n);
  }
  std::vector<double> result;
  for (std::int64_t b = 0; b < samples; ++b)
    result.push_back(log_abs_determinant(std::span<const double>(matrices).subspan(b * n * n, n * n), n));
  return evaluation.leaf(tensor(result, Shape{samples}));
}

Estimate estimate_log_determinant(const LinearOperator& a, const Tensor& key,
                                  const LogDeterminantOptions& options) {
  const std::int64_t n = elements_of("estimate_log_determinant", a);
  if (!(a.domain == a.range) || n < 1 || options.probes < 2 || options.steps < 1)
    throw Error("estimate_log_determinant: an operator " + to_string(a.domain) + " -> " + to_string(a.range) +
                " with " + std::to_string(options.probes) + " probes and " + std::to_string(options.steps) +
                " steps; it must be square and not empty, with at least 2 probes and 1 step");
  const std::int64_t samples = a.domain[0];
  if (samples == 0) return {zeros(Shape{0}, DType::f64), zeros(Shape{0}, DType::f64)};
  const Tensor signs = random_signs(key, {options.probes, samples, n}, a.dtype);
  const Tensor start = (signs * (1 / std::sqrt(static_cast<double>(n)))).detach();
  Evaluation evaluation("estimate_log_determinant");
  evaluation.reads(a.apply(reshape(start, concatenate(Shape{options.probes}, a.domain))));
  const Tridiagonals matrices = lanczos(a, start, options);
  std::vector<double> values;  // [probes, samples]
  for (std::size_t i = 0; i < matrices.count; ++i)
    values.push_back(static_cast<double>(n) *
                     log_quadrature(matrices, i, static_cast<std::int64_t>(i) % samples));
  const Tensor probes = tensor(values, Shape{options.probes, samples});
  const double count = static_cast<double>(options.probes);
  const Tensor middle = mean(probes, {0});
  const Tensor spread = sum(square(probes - insert_axes(middle, {-2})), {0}) / (count - 1);
  const Estimate found{middle, sqrt(spread / count)};
  evaluate({found.value, found.standard_error});
  return {evaluation.leaf(found.value), evaluation.leaf(found.standard_error)};
}

}  // namespace nabla
