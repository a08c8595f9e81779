#include "engine/spectral/dense/symmetric_eigenvalues.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "engine/spectral/dense/rotations.h"
#include "engine/spectral/dense/tridiagonal.h"
#include "engine/tensor/error.h"

namespace nabla {
namespace {

using dense::Tridiagonal;

// The length of (x, y). std::hypot takes as long as the rest of a rotation; it is needed where squares lose
// digits, and with them the rotation its length.
double length_of(double x, double y) {
  const double squares = x * x + y * y;
  return squares > 1e-280 ? std::sqrt(squares) : std::hypot(x, y);
}

// Implicit QL with Wilkinson's shift: drives below[l] to 0, one l after the other. The rotations make
// eigenvectors of the rows of a basis.
void iterate_ql(Tridiagonal& t, dense::Rotations* rotations) {
  const std::size_t n = t.diagonal.size();
  std::vector<double>& d = t.diagonal;
  std::vector<double>& e = t.below;
  constexpr int kMaxSweeps = 60;
  // An element is small beside the whole matrix, not beside its neighbours alone: a rotation leaves rounding
  // errors of the largest elements that it has met, and a part that is smaller than these (the zeros of a
  // matrix of low rank, a graded matrix) would be stirred for ever.
  double scale = 0;
  for (std::size_t l = 0; l < n; ++l) scale = std::max(scale, std::abs(d[l]) + std::abs(e[l]));
  const double negligible = std::numeric_limits<double>::epsilon() * scale;
  for (std::size_t l = 0; l < n; ++l) {
    for (int sweep = 0;; ++sweep) {
      std::size_t m = l;
      while (m + 1 < n && std::abs(e[m]) > negligible) ++m;
      if (m == l) break;
      if (sweep == kMaxSweeps) throw Error("symmetric_eigenvalues: the QL iteration does not converge");
      double g = (d[l + 1] - d[l]) / (2 * e[l]);
      double r = length_of(g, 1);
      g = d[m] - d[l] + e[l] / (g + std::copysign(r, g));
      double s = 1;
      double c = 1;
      double p = 0;
      bool split = false;
      if (rotations) rotations->begin(m);
      for (std::size_t i = m; i-- > l;) {
        const double f = s * e[i];
        const double b = c * e[i];
        r = length_of(f, g);
        e[i + 1] = r;
        if (r == 0) {  // the matrix falls apart here: start again on the part above
          d[i + 1] -= p;
          e[m] = 0;
          split = true;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        if (rotations) rotations->add(c, s);
      }
      if (split) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
}

// Checks a matrix and answers with the exponent of the power of 2 that brings its largest element near 1, so
// that squares neither vanish nor overflow.
int checked_exponent(const char* what, std::span<const double> matrix, std::size_t n) {
  if (matrix.size() != n * n)
    throw Error(std::string(what) + ": " + std::to_string(matrix.size()) + " elements for a matrix of " +
                std::to_string(n) + " x " + std::to_string(n));
  bool finite = true;
  for (const double value : matrix) finite &= std::isfinite(value);
  if (!finite) throw Error(std::string(what) + ": the matrix holds a NaN or an infinity");
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) largest = std::max(largest, std::abs(matrix[i * n + j]));
  return largest > 0 ? -std::ilogb(largest) : 0;
}

}  // namespace

std::vector<double> symmetric_eigenvalues(std::span<const double> matrix, std::size_t n) {
  const int exponent = checked_exponent("symmetric_eigenvalues", matrix, n);
  Tridiagonal t = dense::tridiagonalise(matrix, n, exponent, nullptr);
  iterate_ql(t, nullptr);
  for (double& value : t.diagonal) value = std::ldexp(value, -exponent);
  std::sort(t.diagonal.begin(), t.diagonal.end());
  return t.diagonal;
}

SymmetricEigen symmetric_eigen(std::span<const double> matrix, std::size_t n) {
  const int exponent = checked_exponent("symmetric_eigen", matrix, n);
  dense::Basis basis;
  Tridiagonal t = dense::tridiagonalise(matrix, n, exponent, &basis);
  dense::Rotations rotations(basis);
  iterate_ql(t, &rotations);
  rotations.apply();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return t.diagonal[a] < t.diagonal[b]; });
  SymmetricEigen result{std::vector<double>(n), std::vector<double>(n * n)};
  for (std::size_t i = 0; i < n; ++i) {
    result.values[i] = std::ldexp(t.diagonal[order[i]], -exponent);
    std::copy_n(basis.rows.data() + order[i] * basis.stride, n, result.vectors.data() + i * n);
  }
  return result;
}

}  // namespace nabla
