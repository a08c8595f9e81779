#pragma once

#include <vector>

#include "engine/dense/symmetric_eigenvalues.h"
#include "engine/tensor/tensor.h"

namespace nabla::uncertainty {

/// The eigenvalues, ascending, of (M + M^T) / 2 for each matrix of M [B, n, n], on the host in f64. Made for
/// what is left of posteriors that have collapsed: matrices of low rank and with elements near the smallest
/// numbers. Errors are of the order of 1e-16 n |M|; a zero matrix has exact zeros.
/// @throws Error if a matrix holds a NaN or an infinity.
std::vector<std::vector<double>> symmetric_spectra(const Tensor& matrices);

/// The same with eigenvectors.
std::vector<SymmetricEigen> symmetric_factors(const Tensor& matrices);

}  // namespace nabla::uncertainty
