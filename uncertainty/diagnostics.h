#pragma once

#include "engine/tensor/tensor.h"

// Checks of a trained field that need no data, on A = dm/dx (see mean_jacobian): the posterior covariance of
// an exact field is symmetric and has no negative eigenvalue. On J itself its multiple of the identity would
// hide the defects.

namespace nabla::uncertainty {

/// |A - A^T|_F / |A + A^T|_F of each matrix of A [B, n, n]: [B]. 0 for a symmetric matrix; larger than 1
/// where the antisymmetric part prevails. @throws Error if the matrices are not square.
Tensor symmetry_defect(const Tensor& a);
/// The same of all matrices together: one number.
Tensor joint_symmetry_defect(const Tensor& a);

/// sum |negative eigenvalues| / sum |all eigenvalues| of (A + A^T)/2 for each matrix of A [B, n, n]: a leaf
/// [B] f64, computed on the host. 0 for a matrix of zeros. @throws Error if the matrices are not square or
/// hold a NaN.
Tensor negative_mass(const Tensor& a);
/// The same of all matrices together.
double joint_negative_mass(const Tensor& a);

}  // namespace nabla::uncertainty
