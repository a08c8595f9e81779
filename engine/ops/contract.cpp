#include "engine/ops/contract.h"

#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

std::optional<Tensor> scaled(const Partial& partial, const Tensor& x) {
  if (const Tensor* factor = std::get_if<Tensor>(&partial)) return *factor * x;
  const double factor = std::get<double>(partial);
  if (factor == 0) return std::nullopt;
  if (factor == 1) return x;
  if (factor == -1) return -x;
  return x * factor;
}

void accumulate(std::optional<Tensor>& sum, std::optional<Tensor> term) {
  if (term) sum = sum ? *sum + *term : std::move(*term);
}

// Axes that the tangents carry beyond those of their primals.
int leading_axes(Inputs inputs, Tangents tangents) {
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (tangents[i]) return tangents[i]->rank() - inputs[i].rank();
  return 0;
}

}  // namespace

Shape broadcast_operands(std::string_view name, Inputs inputs) {
  Shape shape = inputs[0].shape();
  for (const Tensor& input : inputs.subspan(1)) {
    Shape next;
    if (!broadcast_shapes(shape, input.shape(), next))
      throw Error(with_operands(name, inputs) + " do not broadcast (each axis: equal extents, or 1)");
    shape = next;
  }
  return shape;
}

TensorType PointwisePrimitive::infer(Inputs inputs, const Attributes&) const {
  if (inputs.size() != arity())
    throw Error(std::string(name()) + ": takes " + std::to_string(arity()) + " operands");
  for (const Tensor& input : inputs)
    if (input.dtype() != inputs[0].dtype())
      throw Error(with_operands(name(), inputs) + " differ in type; cast one of them");
  const DType dtype = inputs[0].dtype();
  if (!is_one_of(facts_of(op()).types, dtype))
    throw Error(with_operands(name(), inputs) + ": the type is not supported; cast first");
  return {inputs.size() == 1 ? inputs[0].shape() : broadcast_operands(name(), inputs), dtype};
}

std::optional<Tensor> PointwisePrimitive::jvp(const Application& at, Tangents tangents) const {
  std::optional<Tensor> sum;
  for (std::size_t i = 0; i < tangents.size(); ++i)
    if (tangents[i]) accumulate(sum, scaled(partials_[i](at.inputs, at.output), *tangents[i]));
  return sum;
}

std::optional<Tensor> PointwisePrimitive::vjp(const Application& at, int slot,
                                              const Tensor& cotangent) const {
  const std::size_t i = slot;
  std::optional<Tensor> product = scaled(partials_[i](at.inputs, at.output), cotangent);
  if (!product) return std::nullopt;
  return sum_to_shape(*product, at.output.shape(), at.inputs[i].shape());
}

std::optional<Tensor> LinearPrimitive::jvp(const Application& at, Tangents tangents) const {
  const int leading = leading_axes(at.inputs, tangents);
  std::vector<Tensor> arguments;
  for (std::size_t i = 0; i < at.inputs.size(); ++i) {
    const Tensor& input = at.inputs[i];
    if (!linear_in(static_cast<int>(i))) {
      arguments.push_back(promote(input, input.rank() + leading));
    } else if (tangents[i]) {
      arguments.push_back(*tangents[i]);
    } else {
      arguments.push_back(zero_tangent(input, leading));
    }
  }
  return apply(*this, arguments, at.attributes);
}

std::optional<Tensor> LinearPrimitive::vjp(const Application& at, int slot, const Tensor& cotangent) const {
  if (!linear_in(slot)) return std::nullopt;
  return transpose(at, slot, cotangent);
}

std::optional<Tensor> MultilinearPrimitive::jvp(const Application& at, Tangents tangents) const {
  const int leading = leading_axes(at.inputs, tangents);
  std::vector<Tensor> arguments;
  for (const Tensor& input : at.inputs) arguments.push_back(promote(input, input.rank() + leading));
  std::optional<Tensor> sum;
  for (std::size_t i = 0; i < tangents.size(); ++i) {
    if (!tangents[i]) continue;
    const Tensor primal = std::exchange(arguments[i], *tangents[i]);
    accumulate(sum, apply(*this, arguments, at.attributes));
    arguments[i] = primal;
  }
  return sum;
}

std::optional<Tensor> MultilinearPrimitive::vjp(const Application& at, int slot,
                                                const Tensor& cotangent) const {
  return transpose(at, slot, cotangent);
}

std::optional<Tensor> OnePassPrimitive::vjp(const Application& at, int slot, const Tensor& cotangent) const {
  std::vector<bool> wanted(at.inputs.size(), false);
  wanted[slot] = true;
  std::vector<std::optional<Tensor>> results(wanted.size());
  vjp_of_slots(at, wanted, cotangent, results);
  return results[slot];
}

Tensor promote(const Tensor& x, int rank) {
  if (x.rank() >= rank) return x;
  Axes axes;
  for (int axis = -rank; axis < -x.rank(); ++axis) axes.push_back(axis);
  return insert_axes(x, axes);
}

namespace {

// Axes from the innermost on, as far as they are among these, where they make rows that a program may sum
// while it has them; none where no others are summed.
Axes rows_among(const Axes& axes, const Shape& shape) {
  constexpr std::int64_t kShortestRow = 64;
  Axes rows;
  std::int64_t length = 1;
  int axis = -1;
  for (; axis >= -shape.rank() && (shape[axis] == 1 || axes.contains(axis)); --axis) {
    if (shape[axis] == 1) continue;
    rows.push_back(axis);
    length *= shape[axis];
  }
  return length < kShortestRow || rows.size() == axes.size() ? Axes{} : rows;
}

}  // namespace

Tensor sum_to_shape(const Tensor& cotangent, const Shape& from, const Shape& to) {
  Axes axes;
  double factor = 1;
  for (int axis = -1; axis >= -from.rank(); --axis) {
    if (to[axis] != 1 || from[axis] == 1) continue;
    if (cotangent.shape()[axis] == 1) {
      factor *= static_cast<double>(from[axis]);
    } else {
      axes.push_back(axis);
    }
  }
  const Axes rows = rows_among(axes, cotangent.shape());
  Axes others;
  for (const int axis : axes)
    if (!rows.contains(axis)) others.push_back(axis);
  Tensor summed = rows.empty() ? cotangent : sum(cotangent, rows, /*keep_axes=*/true);
  if (!others.empty()) summed = sum(summed, others, /*keep_axes=*/true);
  return factor == 1 ? summed : summed * factor;
}

Tensor zero_tangent(const Tensor& input, int leading) {
  return full(concatenate(Shape::filled(leading, 1), input.shape()), 0, input.dtype());
}

}  // namespace nabla
