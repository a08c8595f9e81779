#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace nabla {

/// The eigenvalues of a symmetric n x n matrix in row-major order, ascending, computed in f64 on the calling
/// thread: Householder reduction to tridiagonal form, then the implicit QL method (Golub and Van Loan,
/// "Matrix Computations", 4th edition, sections 8.3.1 and 8.3.3). Values are made of the lower triangle.
/// Errors are of the order of 1e-16 n |A|, also of values that are much smaller. Every instruction set gives
/// the same bits.
/// @throws Error if the matrix is not of n * n elements or holds a NaN or an infinity.
std::vector<double> symmetric_eigenvalues(std::span<const double> matrix, std::size_t n);

struct SymmetricEigen {
  std::vector<double> values;   ///< ascending, n
  std::vector<double> vectors;  ///< row i is the unit eigenvector of values[i], n x n
};
/// Eigenvalues and orthonormal eigenvectors, in the same way and with the same errors.
SymmetricEigen symmetric_eigen(std::span<const double> matrix, std::size_t n);

}  // namespace nabla
