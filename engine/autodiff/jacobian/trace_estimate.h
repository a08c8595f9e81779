#pragma once

#include "engine/autodiff/jacobian/jacobian.h"

// Traces and diagonals from few products with the Jacobian, for the methods of JacobianMethod that draw signs
// or colour. Everything is built on the field's variable.

namespace nabla {

/// What is estimated: the trace [B], or the diagonal of flattened samples [B, D].
enum class Estimated { trace, diagonal };

/// By hutchinson or hutch_plus_plus. @throws Error naming `what` without a key or with too few products.
Estimate estimate_by_probes(const char* what, const FieldOnVariable& field, Estimated estimated,
                            const JacobianOptions& options);

/// By coloured or signed_colouring. @throws Error naming `what` without a key where signs are drawn, for a
/// negative radius, and where random directions show that a field to be coloured reaches farther; that is
/// asked where the argument has a value, and costs two products.
Estimate estimate_by_colours(const char* what, const FieldOnVariable& field, Estimated estimated,
                             const JacobianOptions& options);

}  // namespace nabla
