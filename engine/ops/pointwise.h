#pragma once

#include "engine/tensor/tensor.h"

// Pointwise operators. Operands of different rank are aligned at the right; extents of 1 broadcast.
// All operands of one call have the same type; a literal takes the type of the tensor beside it.
// @throws Error naming the operator, shapes and types where they do not fit.

namespace nabla {

Tensor neg(const Operand& x);                    ///< -x; integers wrap around
Tensor add(const Operand& a, const Operand& b);  ///< a + b; integers wrap around
Tensor sub(const Operand& a, const Operand& b);  ///< a - b; integers wrap around
Tensor mul(const Operand& a, const Operand& b);  ///< a b; integers wrap around
Tensor div(const Operand& a, const Operand& b);  ///< a / b, floating types only
Tensor max(const Operand& a,
           const Operand& b);  ///< NaN if either is; at a tie each gets half of the derivative
Tensor min(const Operand& a, const Operand& b);  ///< like max
Tensor abs(const Operand& x);                    ///< |x|; derivative 0 at 0
Tensor sign(const Operand& x);                   ///< -1, 0, 1 or NaN; derivative 0 everywhere
Tensor square(const Operand& x);                 ///< x x

// Floating types only. Outside its domain a function gives NaN, at a pole an infinity, as in C.
Tensor sqrt(const Operand& x);        ///< x >= 0; derivative infinite at 0
Tensor rsqrt(const Operand& x);       ///< 1 / sqrt(x), x > 0
Tensor reciprocal(const Operand& x);  ///< 1 / x
Tensor exp(const Operand& x);         ///< e^x
Tensor log(const Operand& x);         ///< natural logarithm, x > 0
Tensor expm1(const Operand& x);       ///< e^x - 1 without loss near 0
Tensor log1p(const Operand& x);       ///< log(1 + x) without loss near 0, x > -1
Tensor sin(const Operand& x);         ///< x in radians
Tensor cos(const Operand& x);         ///< x in radians
Tensor tanh(const Operand& x);        ///< hyperbolic tangent, in (-1, 1)
Tensor sigmoid(const Operand& x);     ///< 1 / (1 + e^-x), in (0, 1)
Tensor silu(const Operand& x);        ///< x sigmoid(x)
Tensor gelu(const Operand& x);        ///< x normal_cdf(x)
Tensor sech(const Operand& x);        ///< 2 / (e^x + e^-x), in (0, 1]
Tensor erf(const Operand& x);         ///< error function, in (-1, 1)
Tensor erfc(const Operand& x);        ///< 1 - erf(x) without loss in the tail
Tensor normal_cdf(const Operand& x);  ///< erfc(-x / sqrt 2) / 2 without loss in the tail
Tensor gaussian(const Operand& x);    ///< e^(-x^2 / 2)
/// log(e^a + e^b) without overflow. Where both are -inf it is -inf with derivatives 0, where both are +inf it
/// is +inf and the derivatives are NaN.
Tensor logaddexp(const Operand& a, const Operand& b);
/// base^exponent, and 1 where the exponent is 0. Derivatives by the exponent are 0 where the base is 0 (mixed
/// ones NaN where that by the base is infinite) and NaN where it is negative.
Tensor pow(const Operand& base, const Operand& exponent);

/// Where condition (bool) holds a, elsewhere b. Values and tangents of the branch not taken are dropped, NaN
/// or not. In reverse mode its cotangent is 0, which the rules behind it multiply: where their factors are
/// infinite or NaN, as those of sqrt(x) below 0, the product is NaN (0 * inf). where_safe is right in both.
Tensor select(const Tensor& condition, const Operand& a, const Operand& b);
/// Conversion of type; linear between floating types, no derivative otherwise. Floating to integer truncates.
Tensor cast(const Operand& x, DType dtype);

// Comparisons give bool, element by element, for any type; NaN compares false except in not_equal.
Tensor equal(const Operand& a, const Operand& b);
Tensor not_equal(const Operand& a, const Operand& b);
Tensor less(const Operand& a, const Operand& b);
Tensor less_equal(const Operand& a, const Operand& b);
Tensor greater(const Operand& a, const Operand& b);
Tensor greater_equal(const Operand& a, const Operand& b);

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
