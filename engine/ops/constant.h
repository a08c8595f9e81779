#pragma once

#include "engine/tensor/tensor.h"

// Values that depend on nothing: literals, ranges, leaves and the variables of transforms.

namespace nabla {

/// A tensor whose elements all equal `value`. It takes no memory until something needs it in full.
/// @throws Error if the type cannot hold the value.
Tensor full(const Shape& shape, double value, DType dtype = DType::f32);
/// full() of 0 and of 1, of a given shape and type or those of another tensor.
Tensor zeros(const Shape& shape, DType dtype = DType::f32);
Tensor ones(const Shape& shape, DType dtype = DType::f32);
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
/// 0, 1, .., count-1 as a tensor [count]. @throws Error if the type cannot count that far.
Tensor iota(std::int64_t count, DType dtype = DType::i64);
/// `count` numbers from `first` to `last`, both included, equally far apart: [count]; one is `first`.
/// @throws Error for a negative count and a type that is not floating.
Tensor linspace(double first, double last, std::int64_t count, DType dtype = DType::f32);
/// The n x n identity matrix.
Tensor identity(std::int64_t n, DType dtype = DType::f32);

/// A weak literal beside `like`: extents of 1, the same rank and type.
/// @throws Error if the type cannot hold the value.
Tensor literal_like(double value, const Tensor& like);
/// Turns an operand into a tensor; a literal takes rank and type of `like`.
Tensor to_tensor(const Operand& operand, const Tensor& like);

/// A fresh variable: a node without a value, which transforms replace or differentiate by.
Tensor variable(const Shape& shape, DType dtype,
                std::source_location where = std::source_location::current());

/// True if x is made of constants alone: full(), iota, literals, and what operators make of them. Equal
/// constants are one node wherever they stand, so that none of them can be told from the others. Large
/// expressions, which nobody builds twice by accident, count as distinct.
bool is_constant(const Tensor& x);

/// The value of x; derivatives of any order and mode are zero.
Tensor stop_gradient(const Operand& x);

}  // namespace nabla
