#pragma once

#include <optional>

#include "engine/autodiff/jacobian/field.h"

// Directions that sum many elements which do not meet: where a result depends on the arguments near it alone,
// as in a network of convolutions, few directions tell the diagonal of the Jacobian exactly (Curtis, Powell
// and Reid, "On the estimation of sparse Jacobian matrices", J. Inst. Maths Applics 13, 1974).

namespace nabla {

/// Elements of a sample that share a colour lie a period apart along each axis of its picture.
struct Colouring {
  Shape picture;  ///< the extents of a sample where the field starts to mix elements
  Shape periods;

  std::int64_t colours() const { return periods.size(); }
};

/// Reads from the graph how far each element of a sample-wise field that keeps the shape reaches, along the
/// axes that its first step sees, and takes the shortest periods beyond. Nothing where that needs as many
/// colours as there are elements.
std::optional<Colouring> colouring_of(const FieldOnVariable& field);

/// Directions of ones for colours start .. stop-1: [stop - start, elements of the picture].
Tensor colour_seeds(const Colouring& colouring, std::int64_t start, std::int64_t stop, DType dtype);

}  // namespace nabla
