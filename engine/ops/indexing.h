#pragma once

#include "engine/tensor/tensor.h"

// Selection by index. Indices are i64 and never carry derivatives.

namespace nabla {

/// out[.., j, ..] = x[.., indices[.., j, ..], ..] along `axis`. Ranks are equal; on the other axes extents
/// are equal or 1, so rows of a table [v, d] are picked by indices [n, 1] along axis -2. Evaluation throws
/// Error naming an index outside the axis.
Tensor gather(const Operand& x, const Tensor& indices, int axis);
/// The transpose of gather: a tensor of zeros with extent `extent` along `axis`, to which out[.., indices[j],
/// ..] += updates[.., j, ..]. Repeated indices add up, in order: f32 in f64 and f64 with what rounding takes
/// from it, so that any number of updates is right to a rounding or two; integers in their own type, where
/// they wrap around.
Tensor scatter_add(const Operand& updates, const Tensor& indices, int axis, std::int64_t extent);
/// Rows of the outermost axis by a list of indices [n] -> [n, ..].
Tensor take(const Operand& x, const Tensor& indices);

/// Index of the largest element along an axis (the first at a tie, the first NaN if there is one), the axis
/// dropped.
Tensor argmax(const Operand& x, int axis = -1);
/// The same of the smallest; NaN counts as the smallest here.
Tensor argmin(const Operand& x, int axis = -1);
/// The indices that sort an axis, stable; NaN counts as the largest, as in argmax and reduce_max.
Tensor argsort(const Operand& x, int axis = -1, bool descending = false);
/// Sorted along an axis, differentiable through the order.
Tensor sort(const Operand& x, int axis = -1, bool descending = false);
struct TopK {
  Tensor values;
  Tensor indices;
};
/// The k largest along an axis, in descending order, NaN before all numbers.
TopK top_k(const Operand& x, std::int64_t k, int axis = -1);
/// [..] integer classes -> [.., classes] with a single 1; a class outside the range gives zeros.
/// @throws Error if the classes are of another type.
Tensor one_hot(const Operand& indices, std::int64_t classes, DType dtype = DType::f32);

}  // namespace nabla
