#pragma once

#include "engine/tensor/tensor.h"

// Pointwise operators. Operands of different rank are aligned at the right; extents of 1 broadcast.
// All operands of one call have the same type; a literal takes the type of the tensor beside it.
// @throws Error naming the operator, shapes and types where they do not fit.

namespace nabla {

// The operators of one and of two operands, and the comparisons, which give bool: what each computes, and for
// which types, stands beside its line in the catalogue.
#define UNARY(name, types, signs) Tensor name(const Operand& x);
#define BINARY(name, types, signs) Tensor name(const Operand& a, const Operand& b);
#define COMPARISON(name, types) Tensor name(const Operand& a, const Operand& b);
#include "engine/graph/primitives.def"

Tensor silu(const Operand& x);  ///< x sigmoid(x); floating types only
Tensor gelu(const Operand& x);  ///< x normal_cdf(x); floating types only

/// Where condition (bool) holds a, elsewhere b. Values and tangents of the branch not taken are dropped, NaN
/// or not. In reverse mode its cotangent is 0, which the rules behind it multiply: where their factors are
/// infinite or NaN, as those of sqrt(x) below 0, the product is NaN (0 * inf). where_safe is right in both.
Tensor select(const Tensor& condition, const Operand& a, const Operand& b);
/// Conversion of type; linear between floating types, no derivative otherwise. Floating to integer truncates.
Tensor cast(const Operand& x, DType dtype);

inline Tensor operator-(const Operand& x) { return neg(x); }
inline Tensor operator+(const Operand& a, const Operand& b) { return add(a, b); }
inline Tensor operator-(const Operand& a, const Operand& b) { return sub(a, b); }
inline Tensor operator*(const Operand& a, const Operand& b) { return mul(a, b); }
inline Tensor operator/(const Operand& a, const Operand& b) { return div(a, b); }
inline Tensor operator<(const Operand& a, const Operand& b) { return less(a, b); }
inline Tensor operator<=(const Operand& a, const Operand& b) { return less_equal(a, b); }
inline Tensor operator>(const Operand& a, const Operand& b) { return greater(a, b); }
inline Tensor operator>=(const Operand& a, const Operand& b) { return greater_equal(a, b); }

}  // namespace nabla
