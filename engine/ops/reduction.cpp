#include "engine/ops/reduction.h"

#include <limits>

#include "engine/ops/constant.h"
#include "engine/ops/contract.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

Axes to_axes(const Attributes& attributes) { return {attributes.begin(), attributes.end()}; }

TensorType reduced(Inputs inputs, const Attributes& axes) {
  Shape shape = inputs[0].shape();
  for (const std::int64_t axis : axes) shape[static_cast<int>(axis)] = 1;
  return {shape, inputs[0].dtype()};
}

void require_floating(std::string_view name, Inputs inputs) {
  if (!is_floating(inputs[0].dtype()))
    throw Error(with_operands(name, inputs) + ": needs a floating type; cast first");
}

// Attributes of all reductions: the axes, from the right, ascending. They stay in the output with extent 1.

class Sum final : public LinearPrimitive {
 public:
  Sum() : LinearPrimitive(Op::sum) {}
  TensorType infer(Inputs inputs, const Attributes& axes) const override {
    if (inputs[0].dtype() == DType::boolean)
      throw Error(with_operands(name(), inputs) + ": cast bool to the type to count in");
    return reduced(inputs, axes);
  }
  // Along a compressed axis the sum of equal terms is a product with the extent.
  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const override {
    return sum_to_shape(*tangents[0], at.inputs[0].shape(), at.output.shape());
  }
  // The broadcast back is left compressed.
  Tensor transpose(const Application&, int, const Tensor& cotangent) const override { return cotangent; }
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    if (at.attributes.contains(axis)) return std::nullopt;
    return axis;
  }
  bool accepts_compressed_tangent(const Application&, int, int) const override { return true; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
  bool is_constant_operator(int) const override { return true; }
  AlongAxes along_axes() const override { return AlongAxes::reduces; }
};

// Attributes: axis, reverse.
class Cumsum final : public LinearAlongAxisPrimitive {
 public:
  Cumsum() : LinearAlongAxisPrimitive(Op::cumsum) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    if (inputs[0].dtype() == DType::boolean)
      throw Error(with_operands(name(), inputs) + ": cast bool to the type to count in");
    return {inputs[0].shape(), inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    return cumsum(cotangent, static_cast<int>(at.attributes[0]), at.attributes[1] == 0);
  }
};

// A reduction or normalisation over axes: the other axes are carried.
class OverAxes : public CompositePrimitive {
 public:
  using CompositePrimitive::CompositePrimitive;
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    if (at.attributes.contains(axis)) return std::nullopt;
    return axis;
  }
};

// Both rules are a weighted sum: d y = sum w dx with weights w from input and output.
class WeightedReduction : public OverAxes {
 public:
  using OverAxes::OverAxes;
  TensorType infer(Inputs inputs, const Attributes& axes) const override { return reduced(inputs, axes); }
  virtual Tensor weights(const Application& at) const = 0;
  AlongAxes along_axes() const override { return AlongAxes::reduces; }
  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const override {
    return sum(weights(at) * *tangents[0], to_axes(at.attributes), /*keep_axes=*/true);
  }
  std::optional<Tensor> vjp(const Application& at, int, const Tensor& cotangent) const override {
    return weights(at) * cotangent;
  }
  // The weights have the full extents, so a product with a compressed factor is right on every axis.
  bool accepts_compressed_tangent(const Application&, int, int) const override { return true; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
};

class ReduceExtreme final : public WeightedReduction {
 public:
  explicit ReduceExtreme(Op op) : WeightedReduction(op) {}
  TensorType infer(Inputs inputs, const Attributes& axes) const override {
    const TensorType type = reduced(inputs, axes);
    if (type.dtype == DType::boolean)
      throw Error(with_operands(name(), inputs) + ": cast bool to a number first");
    if (inputs[0].size() == 0 && type.shape.size() > 0)
      throw Error(with_operands(name(), inputs) + ": there is no extreme of no elements");
    return type;
  }
  Tensor weights(const Application& at) const override {
    const Tensor hit = cast(equal(at.inputs[0], at.output), at.output.dtype());
    return hit / sum(hit, to_axes(at.attributes), /*keep_axes=*/true);
  }
  std::optional<Tensor> definition(Inputs, const Attributes&) const override { return std::nullopt; }
};

class LogSumExp final : public WeightedReduction {
 public:
  LogSumExp() : WeightedReduction(Op::logsumexp) {}
  TensorType infer(Inputs inputs, const Attributes& axes) const override {
    require_floating(name(), inputs);
    return reduced(inputs, axes);
  }
  // exp(x - y) divided by its sum, which takes out again what the rounding of y has put in; for the same
  // reason y counts as a constant. 0 instead of exp(-inf + inf) where everything is masked.
  Tensor weights(const Application& at) const override {
    const Tensor masked = equal(at.output, -std::numeric_limits<double>::infinity());
    const Tensor e = exp(at.inputs[0] - stop_gradient(select(masked, 0.0, at.output)));
    return e / select(masked, 1.0, sum(e, to_axes(at.attributes), /*keep_axes=*/true));
  }
  std::optional<Tensor> definition(Inputs inputs, const Attributes& axes) const override {
    return log(sum(exp(inputs[0]), to_axes(axes), /*keep_axes=*/true));
  }
};

// Attribute: the axis.
class Softmax final : public OverAxes {
 public:
  Softmax() : OverAxes(Op::softmax) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    require_floating(name(), inputs);
    return {inputs[0].shape(), inputs[0].dtype()};
  }
  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const override {
    return project(at, *tangents[0]);
  }
  std::optional<Tensor> vjp(const Application& at, int, const Tensor& cotangent) const override {
    return project(at, cotangent);
  }
  std::optional<Tensor> definition(Inputs inputs, const Attributes& axes) const override {
    const Tensor e = exp(inputs[0]);
    return e / sum(e, to_axes(axes), /*keep_axes=*/true);
  }
  AlongAxes along_axes() const override { return AlongAxes::maps; }

 private:
  // The Jacobian diag(y) - y y^T is symmetric, so that both modes apply the same product.
  static Tensor project(const Application& at, const Tensor& v) {
    const Tensor weighted = at.output * v;
    return weighted - at.output * sum(weighted, to_axes(at.attributes), /*keep_axes=*/true);
  }
};

const Sum& kSum = *new Sum;
const Cumsum& kCumsum = *new Cumsum;
const ReduceExtreme& kReduceMax = *new ReduceExtreme(Op::reduce_max);
const ReduceExtreme& kReduceMin = *new ReduceExtreme(Op::reduce_min);
const LogSumExp& kLogSumExp = *new LogSumExp;
const Softmax& kSoftmax = *new Softmax;

// Small integers would wrap around: 300 ones of u8 are 44.
Tensor to_count_in(const Operand& x) {
  return is_integer(x.tensor().dtype()) ? cast(x, DType::i64) : x.tensor();
}

Tensor reduce(const Primitive& primitive, const Operand& x, const Axes& axes, bool keep_axes) {
  const SourceScope scope(x.where());
  const Shape& shape = x.tensor().shape();
  Axes named;
  if (axes.empty()) named = Axes::innermost(shape.rank());
  for (const int axis : axes) named.push_back(axis_from_right(primitive.name(), shape, axis));
  named.sort();
  if (named.has_duplicates())
    throw Error(std::string(primitive.name()) + ": an axis of " + to_string(shape) + " is named twice");
  if (named.empty()) return x.tensor();
  const Tensor result = apply(primitive, {x.tensor()}, Attributes(named), x.where());
  return keep_axes ? result : drop_axes(result, named);
}

}  // namespace

Tensor sum(const Operand& x, const Axes& axes, bool keep_axes) {
  return reduce(kSum, Operand(to_count_in(x), x.where()), axes, keep_axes);
}
Tensor reduce_max(const Operand& x, const Axes& axes, bool keep_axes) {
  return reduce(kReduceMax, x, axes, keep_axes);
}
Tensor reduce_min(const Operand& x, const Axes& axes, bool keep_axes) {
  return reduce(kReduceMin, x, axes, keep_axes);
}
Tensor logsumexp(const Operand& x, const Axes& axes, bool keep_axes) {
  return reduce(kLogSumExp, x, axes, keep_axes);
}
Tensor softmax(const Operand& x, int axis) {
  return apply(kSoftmax, {x.tensor()}, {axis_from_right("softmax", x.tensor().shape(), axis)}, x.where());
}
Tensor cumsum(const Operand& x, int axis, bool reverse) {
  return apply(kCumsum, {to_count_in(x)},
               {axis_from_right("cumsum", x.tensor().shape(), axis), reverse ? 1 : 0}, x.where());
}

}  // namespace nabla
