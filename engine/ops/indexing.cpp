#include "engine/ops/indexing.h"

#include "engine/ops/constant.h"
#include "engine/ops/contract.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

// Both shapes with `axis` taken out must broadcast; the result has `extent` there.
Shape indexed_shape(std::string_view name, Inputs inputs, int axis, std::int64_t extent) {
  if (inputs[1].dtype() != DType::i64)
    throw Error(with_operands(name, inputs) + ": indices are i64; cast them");
  Shape a = inputs[0].shape();
  Shape b = inputs[1].shape();
  Shape result;
  if (a.rank() == b.rank()) a[axis] = b[axis] = 1;
  if (!broadcast_shapes(a, b, result))
    throw Error(with_operands(name, inputs) + " do not fit along axis " + std::to_string(axis) +
                " (ranks equal, other extents equal or 1)");
  result[axis] = extent;
  return result;
}

// Gather and scatter_add are linear in slot 0; slot 1 holds the indices.

// Attribute: axis.
class Gather final : public LinearAlongAxisPrimitive {
 public:
  Gather() : LinearAlongAxisPrimitive(Op::gather) {}
  bool may_refuse_values() const override { return true; }
  TensorType infer(Inputs inputs, const Attributes& a) const override {
    const int axis = static_cast<int>(a[0]);
    return {indexed_shape(name(), inputs, axis, inputs[1].shape().extent_or_one(axis)), inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    const int axis = static_cast<int>(at.attributes[0]);
    const Shape& input = at.inputs[0].shape();
    Shape whole = at.output.shape();
    whole[axis] = input[axis];
    const Tensor indices = promote(at.inputs[1], cotangent.rank());
    return sum_to_shape(scatter_add(cotangent, indices, axis, input[axis]), whole, input);
  }
  // Every entry along the axis depends on its own index alone.
  std::optional<int> carried_axis(const Application& at, int slot, int axis) const override {
    return slot == 1 ? axis : LinearAlongAxisPrimitive::carried_axis(at, slot, axis);
  }
  bool accepts_compressed_cotangent(const Application& at, int axis) const override {
    return axis != at.attributes[0];
  }
};

// Attributes: axis, extent of the result.
class ScatterAdd final : public LinearAlongAxisPrimitive {
 public:
  ScatterAdd() : LinearAlongAxisPrimitive(Op::scatter_add) {}
  bool may_refuse_values() const override { return true; }
  TensorType infer(Inputs inputs, const Attributes& a) const override {
    const int axis = static_cast<int>(a[0]);
    const Shape shape = indexed_shape(name(), inputs, axis, a[1]);
    if (inputs[0].dtype() == DType::boolean)
      throw Error(with_operands(name(), inputs) + ": cast bool to the type to add in");
    if (inputs[0].shape()[axis] != inputs[1].shape()[axis])
      throw Error(with_operands(name(), inputs) + ": needs one index per update along axis " +
                  std::to_string(axis));
    return {shape, inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    const int axis = static_cast<int>(at.attributes[0]);
    const Shape& input = at.inputs[0].shape();
    Shape whole = at.output.shape();
    whole[axis] = input[axis];
    return sum_to_shape(gather(cotangent, promote(at.inputs[1], cotangent.rank()), axis), whole, input);
  }
};

// Attributes: axis, and for the order whether it descends and how many of the first places are wanted.
class OrderPrimitive final : public NondifferentiablePrimitive {
 public:
  OrderPrimitive(Op op, bool reduces) : NondifferentiablePrimitive(op), reduces_(reduces) {}
  TensorType infer(Inputs inputs, const Attributes& a) const override {
    Shape shape = inputs[0].shape();
    const int axis = static_cast<int>(a[0]);
    if (reduces_ && shape[axis] == 0)
      throw Error(with_operands(name(), inputs) + ": there is no extreme of no elements");
    shape[axis] = reduces_ ? 1 : a[2];
    return {shape, DType::i64};
  }
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    if (axis == at.attributes[0]) return std::nullopt;
    return axis;
  }

 private:
  bool reduces_;
};

const Gather& kGather = *new Gather;
const ScatterAdd& kScatterAdd = *new ScatterAdd;
const OrderPrimitive& kArgmax = *new OrderPrimitive(Op::argmax, true);
const OrderPrimitive& kArgsort = *new OrderPrimitive(Op::argsort, false);

}  // namespace

Tensor gather(const Operand& x, const Tensor& indices, int axis) {
  axis = axis_from_right("gather", x.tensor().shape(), axis);
  return apply(kGather, {x.tensor(), indices}, {axis}, x.where());
}

Tensor scatter_add(const Operand& updates, const Tensor& indices, int axis, std::int64_t extent) {
  axis = axis_from_right("scatter_add", updates.tensor().shape(), axis);
  if (extent < 0) throw Error("scatter_add: negative extent " + std::to_string(extent));
  return apply(kScatterAdd, {updates.tensor(), indices}, {axis, extent}, updates.where());
}

Tensor take(const Operand& x, const Tensor& indices) {
  const SourceScope scope(x.where());
  if (indices.rank() != 1 || x.tensor().rank() < 1)
    throw Error("take: needs indices of rank 1 and a tensor with an axis, got " + to_string(indices.shape()) +
                " and " + to_string(x.tensor().shape()));
  return gather(x, insert_axes(indices, Axes::innermost(x.tensor().rank() - 1)), 0);
}

Tensor argmax(const Operand& x, int axis) {
  const SourceScope scope(x.where());
  axis = axis_from_right("argmax", x.tensor().shape(), axis);
  return drop_axes(apply(kArgmax, {x.tensor()}, {axis}, x.where()), {axis});
}

Tensor argmin(const Operand& x, int axis) {
  const SourceScope scope(x.where());
  axis = axis_from_right("argmin", x.tensor().shape(), axis);
  // -1 - x turns the order of integers round without overflow.
  if (is_floating(x.tensor().dtype())) return argmax(-x.tensor(), axis);
  return argmax(-1 - cast(x, DType::i64), axis);
}

Tensor argsort(const Operand& x, int axis, bool descending) {
  axis = axis_from_right("argsort", x.tensor().shape(), axis);
  return apply(kArgsort, {x.tensor()}, {axis, descending ? 1 : 0, x.tensor().shape()[axis]}, x.where());
}

Tensor sort(const Operand& x, int axis, bool descending) {
  const SourceScope scope(x.where());
  return gather(x, argsort(x, axis, descending), axis);
}

TopK top_k(const Operand& x, std::int64_t k, int axis) {
  const SourceScope scope(x.where());
  axis = axis_from_right("top_k", x.tensor().shape(), axis);
  if (k < 0 || k > x.tensor().shape()[axis])
    throw Error("top_k: k = " + std::to_string(k) + " along axis " + std::to_string(axis) + " of " +
                to_string(x.tensor().shape()));
  const Tensor indices = apply(kArgsort, {x.tensor()}, {axis, /*descending=*/1, k}, x.where());
  return {gather(x, indices, axis), indices};
}

Tensor one_hot(const Operand& indices, std::int64_t classes, DType dtype) {
  const SourceScope scope(indices.where());
  if (!is_integer(indices.tensor().dtype()))
    throw Error("one_hot: classes " + to_string(indices.tensor().shape()) + " " +
                std::string(name_of(indices.tensor().dtype())) + " are no integers; cast them");
  return cast(equal(insert_axes(cast(indices, DType::i64), {-1}), iota(classes)), dtype);
}

}  // namespace nabla
