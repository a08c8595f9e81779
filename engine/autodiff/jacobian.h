#pragma once

#include <cstdint>
#include <functional>

#include "engine/tensor/tensor.h"

namespace nabla {

/// A function of one tensor. A sample-wise field maps samples [B, *S] to [B, *S'] row by row.
using Field = std::function<Tensor(const Tensor&)>;

enum class JacobianMode { automatic, forward, reverse };

/// How an exact divergence is computed. forward: D tangents, of which only the diagonal of the last product
/// is formed. contraction: the trace of the product of the field's linear pieces in the cheapest order, which
/// for products with shared matrices, diagonals and norms takes far less (trace_contraction.h); an Error
/// where a piece can only be applied. automatic: what takes fewer operations.
enum class DivergenceMethod { automatic, forward, contraction };

struct JacobianOptions {
  /// automatic takes the direction with fewer passes (forward at a tie).
  JacobianMode mode = JacobianMode::automatic;
  /// Bytes that the tangents of the widest node may take at once; directions are pushed in chunks that fit,
  /// at least one at a time.
  std::int64_t tangent_bytes = std::int64_t{256} << 20;
  /// Of divergence alone.
  DivergenceMethod divergence = DivergenceMethod::automatic;
};

/// All derivatives of f at x: [*shape of f(x), *shape of x].
Tensor jacobian(const Field& f, const Tensor& x, const JacobianOptions& options = {});

/// One Jacobian per sample of a sample-wise field: [B, *S', *S]. One-hot directions [K, 1, *S] are shared by
/// all samples.
/// @throws Error naming the primitive and the line where the field mixes samples.
Tensor sample_jacobian(const Field& v, const Tensor& x, const JacobianOptions& options = {});

/// Exact divergence of a sample-wise field with S' = S: the trace of each sample's Jacobian, [B].
/// @throws Error where the field mixes samples or changes the shape, or cannot be contracted as asked.
Tensor divergence(const Field& v, const Tensor& x, const JacobianOptions& options = {});

/// Exact diagonal of each sample's Jacobian: [B, *S].
Tensor jacobian_diagonal(const Field& v, const Tensor& x, const JacobianOptions& options = {});

}  // namespace nabla
