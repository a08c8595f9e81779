#pragma once

#include <vector>

#include "engine/spectral/dense/symmetric_eigenvalues.h"
#include "engine/tensor/tensor.h"

namespace nabla::uncertainty {

/// The eigenvalues, ascending, of (M + M^T) / 2 for each matrix of M [B, n, n], on the host in f64
/// (symmetric_eigenvalues).
/// @throws Error if a matrix holds a NaN or an infinity.
std::vector<std::vector<double>> symmetric_spectra(const Tensor& matrices);

/// The same with eigenvectors.
std::vector<SymmetricEigen> symmetric_factors(const Tensor& matrices);

}  // namespace nabla::uncertainty
