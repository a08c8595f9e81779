#pragma once

#include <functional>

#include "engine/autodiff/jacobian/jacobian.h"

// Jacobians by tangents or cotangents, so many at once. Everything is built on the
// field's variable.

namespace nabla {

enum class Direction { forward, reverse };

/// Derivatives of field.y by field.x, by one direction for each element; `batch` outermost axes of both hold
/// samples that do not mix:
/// [*samples, *S', *S].
Tensor jacobian_along_basis(const FieldOnVariable& field, int batch, Direction direction,
                            std::int64_t at_once);

/// Directions start .. stop-1 of a list: [stop - start, 1, *S].
using DirectionsOf = std::function<Tensor(std::int64_t start, std::int64_t stop)>;
/// Those of the standard basis of a field's samples.
DirectionsOf standard_basis(const FieldOnVariable& field);

/// The trace of each sample's Jacobian, [B], of which no two elements in one direction meet; that part of it
/// which the first `count` directions have.
Tensor trace_along(const FieldOnVariable& field, const DirectionsOf& directions, Direction direction,
                   std::int64_t at_once, std::int64_t count);

/// Its diagonal likewise, [B, *S]; 0 for the elements of other directions.
Tensor diagonal_along(const FieldOnVariable& field, const DirectionsOf& directions, Direction direction,
                      std::int64_t at_once, std::int64_t count);

}  // namespace nabla
