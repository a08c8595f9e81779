#pragma once

#include "engine/autodiff/jacobian/jacobian.h"

// Jacobians by tangents or cotangents, one for each element, so many at once. Everything is built on the
// field's variable.

namespace nabla {

enum class Direction { forward, reverse };

/// Derivatives of field.y by field.x; `batch` outermost axes of both hold samples that do not mix:
/// [*samples, *S', *S].
Tensor jacobian_along_basis(const FieldOnVariable& field, int batch, Direction direction,
                            std::int64_t at_once);

/// The trace of each sample's Jacobian, [B]: the sum over the first `count` elements.
Tensor trace_along_basis(const FieldOnVariable& field, Direction direction, std::int64_t at_once,
                         std::int64_t count);

/// The diagonal of each sample's Jacobian, [B, *S]; 0 behind the first `count` elements.
Tensor diagonal_along_basis(const FieldOnVariable& field, Direction direction, std::int64_t at_once,
                            std::int64_t count);

}  // namespace nabla
