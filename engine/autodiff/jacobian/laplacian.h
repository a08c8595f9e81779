#pragma once

#include <cstdint>
#include <source_location>

#include "engine/autodiff/jacobian/jacobian.h"
#include "engine/tensor/tensor.h"

namespace nabla {

struct LaplacianOptions {
  /// Bytes that the tangents of the widest node may take at once; directions are pushed in chunks that fit,
  /// at least one at a time.
  std::int64_t tangent_bytes = std::int64_t{256} << 20;
};

/// The Laplacian of each result of a sample-wise function by its sample's elements, sum_k d^2 f / dx_k^2:
/// [B, *R] for f from x [B, *S] to [B, *R] (R may be empty).
///
/// The tangents t_k along the D elements and the sum l of the second derivatives go forward together through
/// the graph (the forward Laplacian; Li et al., arXiv 2307.08214): a node g gives g' t_k and
/// g' l + sum_k g''[t_k, t_k]. That takes D + 2 passes, against 2 D + 1 where the second derivatives go
/// forward one by one. Linear nodes have no second term; of a pointwise node it is its second partials times
/// sums of t_k t_k, of a product the product of the tangents, and of any other node its rule differentiated
/// along each tangent. Exact, up to rounding; at kinks the second derivative is that of the rule's branch, so
/// that a field of relu alone has Laplacian 0. Differentiable, and runs inside compile.
/// @throws Error naming the primitive and the line where the field mixes samples, or if the types do not fit.
Tensor laplacian(const Field& f, const Tensor& x, const LaplacianOptions& options = {},
                 std::source_location where = std::source_location::current());

}  // namespace nabla
