#include "engine/dense/symmetric_eigenvalues.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "engine/tensor/error.h"

namespace nabla {
namespace {

struct Tridiagonal {
  std::vector<double> diagonal;
  std::vector<double> below;  // below[i] joins i and i + 1; the last entry is 0
};

// rows <- (I - v v^T / h) rows, for a v that is 0 before `first`.
void reflect_rows(std::vector<double>& rows, std::size_t n, const std::vector<double>& v, std::size_t first,
                  double h) {
  std::vector<double> overlap(n, 0.0);
  for (std::size_t i = first; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) overlap[j] += v[i] * rows[i * n + j];
  for (std::size_t i = first; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) rows[i * n + j] -= v[i] / h * overlap[j];
}

// Reflects column k below the diagonal onto its first entry, for every k, and applies the reflection from
// both sides. With `basis`, n x n, its rows become those of which the result is made: A = basis^T T basis.
Tridiagonal tridiagonalise(std::vector<double> a, std::size_t n, std::vector<double>* basis) {
  Tridiagonal result{std::vector<double>(n), std::vector<double>(n, 0.0)};
  std::vector<double> v(n);
  std::vector<double> p(n);
  for (std::size_t k = 0; k + 1 < n; ++k) {
    double scale = 0;
    for (std::size_t i = k + 1; i < n; ++i) scale = std::max(scale, std::abs(a[i * n + k]));
    double squares = 0;
    for (std::size_t i = k + 1; i < n && scale > 0; ++i) {
      v[i] = a[i * n + k] / scale;
      squares += v[i] * v[i];
    }
    result.diagonal[k] = a[k * n + k];
    if (scale == 0 || k + 2 == n) {
      result.below[k] = a[(k + 1) * n + k];
      continue;
    }
    const double length = std::copysign(std::sqrt(squares), v[k + 1]);
    result.below[k] = -length * scale;
    // H = I - v v^T / h with h = |v|^2 / 2.
    const double h = squares + std::abs(v[k + 1] * length);
    v[k + 1] += length;
    double overlap = 0;
    for (std::size_t i = k + 1; i < n; ++i) {
      double total = 0;
      for (std::size_t j = k + 1; j <= i; ++j) total += a[i * n + j] * v[j];
      for (std::size_t j = i + 1; j < n; ++j) total += a[j * n + i] * v[j];
      p[i] = total / h;
      overlap += p[i] * v[i];
    }
    overlap /= 2 * h;
    for (std::size_t i = k + 1; i < n; ++i) p[i] -= overlap * v[i];
    for (std::size_t i = k + 1; i < n; ++i)
      for (std::size_t j = k + 1; j <= i; ++j) a[i * n + j] -= v[i] * p[j] + p[i] * v[j];
    if (basis) reflect_rows(*basis, n, v, k + 1, h);
  }
  if (n > 0) result.diagonal[n - 1] = a[n * n - 1];
  return result;
}

// Implicit QL with Wilkinson's shift: drives below[l] to 0, one l after the other. The rotations are applied
// to the rows of `basis`, where there is one, and make them eigenvectors.
void iterate_ql(Tridiagonal& t, std::vector<double>* basis) {
  const std::size_t n = t.diagonal.size();
  std::vector<double>& d = t.diagonal;
  std::vector<double>& e = t.below;
  constexpr int kMaxSweeps = 60;
  // Compared with its neighbours alone an element would never be small among the rounding errors that a
  // matrix of low rank has where zeros should be.
  double scale = 0;
  for (std::size_t l = 0; l < n; ++l) {
    scale = std::max(scale, std::abs(d[l]) + std::abs(e[l]));
    for (int sweep = 0;; ++sweep) {
      std::size_t m = l;
      for (; m + 1 < n; ++m) {
        if (std::abs(e[m]) <= std::numeric_limits<double>::epsilon() * scale) break;
      }
      if (m == l) break;
      if (sweep == kMaxSweeps) throw Error("symmetric_eigenvalues: the QL iteration does not converge");
      double g = (d[l + 1] - d[l]) / (2 * e[l]);
      double r = std::hypot(g, 1.0);
      g = d[m] - d[l] + e[l] / (g + std::copysign(r, g));
      double s = 1;
      double c = 1;
      double p = 0;
      bool split = false;
      for (std::size_t i = m; i-- > l;) {
        const double f = s * e[i];
        const double b = c * e[i];
        r = std::hypot(f, g);
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
        if (!basis) continue;
        double* row = basis->data() + i * n;
        double* next = row + n;
        for (std::size_t j = 0; j < n; ++j) {
          const double old = next[j];
          next[j] = s * row[j] + c * old;
          row[j] = c * row[j] - s * old;
        }
      }
      if (split) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
}

void check_matrix(const char* what, std::span<const double> matrix, std::size_t n) {
  if (matrix.size() != n * n)
    throw Error(std::string(what) + ": " + std::to_string(matrix.size()) + " elements for a matrix of " +
                std::to_string(n) + " x " + std::to_string(n));
  if (!std::all_of(matrix.begin(), matrix.end(), [](double x) { return std::isfinite(x); }))
    throw Error(std::string(what) + ": the matrix holds a NaN or an infinity");
}

// The matrix by a power of 2 that brings its largest element near 1, so that squares neither vanish nor
// overflow.
struct Scaled {
  std::vector<double> elements;
  int exponent = 0;

  explicit Scaled(std::span<const double> matrix) : elements(matrix.begin(), matrix.end()) {
    double largest = 0;
    for (const double value : matrix) largest = std::max(largest, std::abs(value));
    if (largest > 0) exponent = std::ilogb(largest);
    for (double& value : elements) value = std::ldexp(value, -exponent);
  }
  double restored(double eigenvalue) const { return std::ldexp(eigenvalue, exponent); }
};

}  // namespace

std::vector<double> symmetric_eigenvalues(std::span<const double> matrix, std::size_t n) {
  check_matrix("symmetric_eigenvalues", matrix, n);
  const Scaled scaled(matrix);
  Tridiagonal t = tridiagonalise(scaled.elements, n, nullptr);
  iterate_ql(t, nullptr);
  for (double& value : t.diagonal) value = scaled.restored(value);
  std::sort(t.diagonal.begin(), t.diagonal.end());
  return t.diagonal;
}

SymmetricEigen symmetric_eigen(std::span<const double> matrix, std::size_t n) {
  check_matrix("symmetric_eigen", matrix, n);
  std::vector<double> basis(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) basis[i * n + i] = 1;
  const Scaled scaled(matrix);
  Tridiagonal t = tridiagonalise(scaled.elements, n, &basis);
  iterate_ql(t, &basis);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return t.diagonal[a] < t.diagonal[b]; });
  SymmetricEigen result{std::vector<double>(n), std::vector<double>(n * n)};
  for (std::size_t i = 0; i < n; ++i) {
    result.values[i] = scaled.restored(t.diagonal[order[i]]);
    std::copy_n(basis.begin() + static_cast<std::ptrdiff_t>(order[i] * n), n,
                result.vectors.begin() + static_cast<std::ptrdiff_t>(i * n));
  }
  return result;
}

}  // namespace nabla
