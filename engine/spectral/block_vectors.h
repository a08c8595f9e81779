#pragma once

#include <span>
#include <vector>

#include "engine/tensor/tensor.h"

// Blocks of vectors [K, B, D]: K directions of each of B samples, worked on with small matrices [B, ..] that
// the host factors in f64.

namespace nabla {

/// Distance from 1 to the next number of a floating type.
double precision_of(DType dtype);

/// For each number, not negative, the power of 2 that brings it near 1, as far as the type has it: squares of
/// what is multiplied by it neither vanish nor overflow. 1 for 0 and what is not finite.
std::vector<double> factors_to_one(std::span<const double> sizes, DType dtype);
/// The lengths of vectors [.., D] in f64, of any size: [..].
Tensor lengths(const Tensor& vectors);
/// Inner products of a [K, B, D] with b [M, B, D], sample by sample: [B, K, M].
Tensor inner_products(const Tensor& a, const Tensor& b);
/// Row n of the result is sum_m coefficients[b, n, m] a[m, b]: [N, B, D] from [B, N, M] and [M, B, D].
Tensor combine(const Tensor& coefficients, const Tensor& a);

/// Directions that are orthonormal for each sample, but for some that are zero.
struct OrthonormalBlock {
  Tensor directions;          ///< [K, B, D], a leaf
  std::vector<char> nonzero;  ///< [B, K]: 0 where a direction is zero
  bool any() const;           ///< is one of them not zero?
};

/// Orthonormal directions that span what those of `block` [K, B, D] span beside `basis` [M, B, D], which is
/// orthonormal but for zeros (or the empty handle). What lies in the basis, depends on the others, or is
/// not longer than `shortest` becomes zero. Twice Gram and Schmidt against the basis, and among each other
/// the eigenvectors of the scaled Gram matrix (Stathopoulos and Wu, SIAM J. Sci. Comput. 23, 2002).
/// Evaluates.
OrthonormalBlock orthonormal_beside(const Tensor& block, const Tensor& basis, double shortest = 0);

}  // namespace nabla
