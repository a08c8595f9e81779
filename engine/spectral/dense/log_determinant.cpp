#include "engine/spectral/dense/log_determinant.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/tensor/error.h"

namespace nabla {

double log_abs_determinant(std::span<const double> matrix, std::size_t n) {
  if (matrix.size() != n * n)
    throw Error("log_abs_determinant: " + std::to_string(matrix.size()) + " elements are not a matrix of " +
                std::to_string(n) + " rows and columns");
  std::vector<double> a(matrix.begin(), matrix.end());
  for (const double value : a)
    if (!std::isfinite(value)) throw Error("log_abs_determinant: the matrix holds a NaN or an infinity");
  double total = 0;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    const double head = a[pivot * n + k];
    if (head == 0) return -std::numeric_limits<double>::infinity();
    total += std::log(std::abs(head));
    if (pivot != k)
      for (std::size_t j = k; j < n; ++j) std::swap(a[pivot * n + j], a[k * n + j]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / head;
      for (std::size_t j = k + 1; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return total;
}

}  // namespace nabla
