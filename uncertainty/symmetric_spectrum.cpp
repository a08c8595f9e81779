#include "uncertainty/symmetric_spectrum.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"

namespace nabla::uncertainty {
namespace {

// One symmetrised matrix, its largest element brought near 1 and its eigenvalues shifted away from 0. The
// covariance of few points has low rank, and the iteration for the eigenvalues, which compares neighbours,
// does not end among the rounding errors of large elements that it finds where zeros should be. Shifted, all
// are of one size.
struct Prepared {
  std::vector<double> elements;
  double shift;
  int exponent;  // of the power of 2 that was taken out
};

std::vector<Prepared> prepare(const Tensor& matrices) {
  const Tensor wide = cast(matrices, DType::f64);
  const Tensor symmetric = (wide + transpose(wide)) * 0.5;
  const std::span<const double> values = symmetric.data<double>();
  const std::size_t n = static_cast<std::size_t>(matrices.shape()[1]);
  std::vector<Prepared> prepared;
  for (std::int64_t b = 0; b < matrices.shape()[0]; ++b) {
    const std::span<const double> matrix = values.subspan(static_cast<std::size_t>(b) * n * n, n * n);
    double largest = 0;
    for (const double value : matrix) largest = std::max(largest, std::abs(value));
    const int exponent = largest > 0 && std::isfinite(largest) ? std::ilogb(largest) : 0;
    Prepared one{{matrix.begin(), matrix.end()}, 0, exponent};
    double squares = 0;
    for (double& value : one.elements) {
      value = std::ldexp(value, -exponent);
      squares += value * value;
    }
    one.shift = std::sqrt(squares);
    for (std::size_t i = 0; i < n; ++i) one.elements[i * n + i] += one.shift;
    prepared.push_back(std::move(one));
  }
  return prepared;
}

void restore(std::vector<double>& eigenvalues, const Prepared& matrix) {
  for (double& value : eigenvalues) value = std::ldexp(value - matrix.shift, matrix.exponent);
}

}  // namespace

std::vector<std::vector<double>> symmetric_spectra(const Tensor& matrices) {
  std::vector<std::vector<double>> spectra;
  for (const Prepared& matrix : prepare(matrices)) {
    spectra.push_back(symmetric_eigenvalues(matrix.elements, static_cast<std::size_t>(matrices.shape()[1])));
    restore(spectra.back(), matrix);
  }
  return spectra;
}

std::vector<SymmetricEigen> symmetric_factors(const Tensor& matrices) {
  std::vector<SymmetricEigen> factors;
  for (const Prepared& matrix : prepare(matrices)) {
    factors.push_back(symmetric_eigen(matrix.elements, static_cast<std::size_t>(matrices.shape()[1])));
    restore(factors.back().values, matrix);
  }
  return factors;
}

}  // namespace nabla::uncertainty
