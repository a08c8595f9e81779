#pragma once

#include <functional>
#include <source_location>

#include "engine/autodiff/jacobian/jacobian.h"
#include "engine/tensor/tensor.h"

namespace nabla {

/// A linear map of each sample of a batch that is applied without being formed. Vectors carry any leading
/// axes [*L], all of which one application takes at once; where their batch has extent 1, all samples share
/// them. Both functions build their result from ordinary operators, so it is differentiable, and runs inside
/// compile.
struct LinearOperator {
  std::function<Tensor(const Tensor&)> apply;            ///< [*L, B, *S] -> [*L, B, *R]
  std::function<Tensor(const Tensor&)> apply_transpose;  ///< [*L, B, *R] -> [*L, B, *S]; empty where unknown
  Shape domain;                                          ///< [B, *S]
  Shape range;                                           ///< [B, *R]
  DType dtype = DType::f32;
};

/// The Jacobian of each sample of a sample-wise field at x: domain [B, *S] -> range [B, *R]. The field is run
/// once, here; an application is one forward pass of tangents for all vectors, one of the transpose a reverse
/// pass of cotangents.
/// @throws Error naming the primitive and the line where the field mixes samples; from the functions, where
/// vectors do not fit.
LinearOperator jacobian_operator(const Field& v, const Tensor& x,
                                 std::source_location where = std::source_location::current());

/// (A + A^T) / 2. @throws Error if domain and range differ or the transpose is unknown.
LinearOperator symmetric_part(const LinearOperator& a);

/// A^T A, symmetric and without negative eigenvalues. @throws Error if the transpose is unknown.
LinearOperator normal_operator(const LinearOperator& a);

}  // namespace nabla
