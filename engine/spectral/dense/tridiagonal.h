#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace nabla::dense {

struct Tridiagonal {
  std::vector<double> diagonal;
  std::vector<double> below;  ///< below[i] joins i and i + 1; the last entry is 0
};

/// Orthonormal rows, `stride` elements apart and followed by zeros.
struct Basis {
  std::vector<double> rows;
  std::size_t stride = 0;
};

/// T = B A B^T, tridiagonal with B orthogonal, of a symmetric n x n matrix in row-major order times
/// 2^exponent; the lower triangle is read. Elements must be finite and so scaled none far above 1. With
/// `basis` it becomes B. Householder's reduction from the last row on, in blocks
/// of reflections that the rest of the matrix meets at once (Dongarra, Sorensen and Hammarling, J. Comput.
/// Appl. Math. 27, 1989).
Tridiagonal tridiagonalise(std::span<const double> matrix, std::size_t n, int exponent, Basis* basis);

}  // namespace nabla::dense
