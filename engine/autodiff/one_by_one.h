#pragma once

#include "engine/autodiff/jacobian.h"

// Jacobians by tangents or cotangents, one for each element, in chunks that respect a byte budget. Everything
// is built on the field's variable.

namespace nabla {

enum class Direction { forward, reverse };

/// Derivatives of field.y by field.x; `batch` outermost axes of both hold samples that do not mix:
/// [*samples, *S', *S].
Tensor all_derivatives(const FieldOnVariable& field, int batch, Direction direction, std::int64_t bytes);

/// The trace of each sample's Jacobian, [B].
Tensor trace_one_by_one(const FieldOnVariable& field, Direction direction, std::int64_t bytes);

/// The diagonal of each sample's Jacobian, [B, *S].
Tensor diagonal_one_by_one(const FieldOnVariable& field, Direction direction, std::int64_t bytes);

}  // namespace nabla
