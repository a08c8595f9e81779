#pragma once

#include <cstdint>

#include "engine/spectral/linear_operator.h"

// Eigen- and singular values at the upper end of an operator, by products with it alone.

namespace nabla {

struct SpectrumOptions {
  /// How many are wanted, 1 .. D.
  std::int64_t count = 1;
  /// Directions beyond those wanted that are pushed with them; they help where values lie close together.
  std::int64_t oversampling = 4;
  /// A pair (value, v) has converged when |A v - value v| <= tolerance * the largest |value| seen for the
  /// sample.
  double tolerance = 1e-5;
  /// Applications of the operator, each to count + oversampling directions at once.
  std::int64_t max_iterations = 60;
  /// Directions kept of each sample, at least 2 (count + oversampling); when they are full the search starts
  /// again from the best ones. 0: 6 (count + oversampling). They and their images are what takes memory.
  std::int64_t basis = 0;
  /// Of the random directions to start from.
  std::uint64_t seed = 0;
  /// Directions to start from instead, such as the vectors found for a nearby operator: [K, B, *S] with K <=
  /// count + oversampling. Random ones fill up.
  Tensor start = {};
  /// Take (A + A^T) / 2 where the transpose is known: two products in place of one. Without it an operator
  /// that is not quite symmetric cannot converge below its asymmetry.
  bool symmetrise = true;
  /// Compile the operator, so that what does not depend on the directions (the field's own forward pass) is
  /// computed once. Turn it off for an operator whose functions read values.
  bool compile_products = true;
};

struct EigenPairs {
  Tensor values;                ///< [B, count] f64, descending
  Tensor vectors;               ///< [count, B, *S] of the operator's type, orthonormal for each sample
  Tensor residuals;             ///< [B, count] f64: |A v - value v|
  std::int64_t iterations = 0;  ///< applications of the operator
  std::int64_t products = 0;    ///< directions that it was applied to, of each sample
  bool converged = false;       ///< all pairs of all samples; false at the limit, with the best found so far
};

/// The `count` largest eigenvalues, by value, of each sample's symmetric operator and their vectors, by
/// block Lanczos iteration with full orthogonalisation and thick restarts (Wu and Simon, SIAM J. Matrix
/// Anal. Appl. 22, 2000); the projected matrices are factored on the host in f64. A leaf each: derivatives
/// do not flow through the iteration.
/// @throws Error if the operator is not square, the options do not fit, or a product holds a NaN or an
/// infinity.
EigenPairs top_eigenpairs(const LinearOperator& symmetric, const SpectrumOptions& options = {});

struct SingularTriplets {
  Tensor values;                ///< [B, count] f64, descending
  Tensor right;                 ///< [count, B, *S], orthonormal for each sample
  Tensor left;                  ///< [count, B, *R]: A right / value, zero where the value is 0
  Tensor residuals;             ///< [B, count] f64: |A^T left - value right|
  std::int64_t iterations = 0;  ///< applications of A^T A
  std::int64_t products = 0;    ///< with A and with A^T together, of each sample
  bool converged = false;
};

/// The `count` largest singular values of each sample's operator with their vectors, from the eigenpairs of
/// A^T A. Values below about sqrt(precision) of the largest are lost in its rounding errors. The tolerance is
/// that of the eigenpairs, relative to the square of the largest value.
/// @throws Error as top_eigenpairs does, and where the transpose is unknown.
SingularTriplets top_singular_values(const LinearOperator& a, const SpectrumOptions& options = {});

}  // namespace nabla
