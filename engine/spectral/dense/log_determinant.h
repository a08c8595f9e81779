#pragma once

#include <cstddef>
#include <span>

namespace nabla {

/// log|det A| of an n x n matrix in row-major order, in f64 on the calling thread, by LU decomposition with
/// row pivoting (Golub and Van Loan, "Matrix Computations", 4th edition, section 3.4.4). -infinity if A is
/// singular.
/// @throws Error if the matrix is not of n * n elements or holds a NaN or an infinity.
double log_abs_determinant(std::span<const double> matrix, std::size_t n);

}  // namespace nabla
