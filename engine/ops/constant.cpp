#include "engine/ops/constant.h"
#include "engine/tensor/complex.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/ops/contract.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

// A source has no inputs, so there is nothing to carry and nothing to differentiate.
class SourcePrimitive : public NondifferentiablePrimitive {
 public:
  using NondifferentiablePrimitive::NondifferentiablePrimitive;
  std::optional<int> carried_axis(const Application&, int, int) const final { return std::nullopt; }
};

// Attributes: type, bits of the value as f64, extents.
class Constant final : public SourcePrimitive {
 public:
  Constant() : SourcePrimitive(Op::constant) {}
  TensorType infer(Inputs, const Attributes& attributes) const override {
    return {Shape(attributes.from(2)), static_cast<DType>(attributes[0])};
  }
  bool is_uniform() const override { return true; }
  std::string describe(const Attributes& attributes) const override {
    return number_text(std::bit_cast<double>(attributes[1]));
  }
};

// Attributes: type, count.
class Iota final : public SourcePrimitive {
 public:
  Iota() : SourcePrimitive(Op::iota) {}
  bool builds_identity() const override { return true; }
  TensorType infer(Inputs, const Attributes& attributes) const override {
    return {Shape{attributes[1]}, static_cast<DType>(attributes[0])};
  }
};

// Never built by apply(): leaves and variables are made by make_leaf() and are never interned.
class Source final : public SourcePrimitive {
 public:
  Source(Op op, bool is_variable) : SourcePrimitive(op), is_variable_(is_variable) {}
  bool is_variable() const override { return is_variable_; }
  TensorType infer(Inputs, const Attributes&) const override {
    throw Error(std::string(name()) + ": is not an operator");
  }

 private:
  bool is_variable_;
};

class StopGradient final : public NondifferentiablePrimitive {
 public:
  StopGradient() : NondifferentiablePrimitive(Op::stop_gradient) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    return {inputs[0].shape(), inputs[0].dtype()};
  }
  std::optional<int> carried_axis(const Application&, int, int axis) const override { return axis; }
  std::optional<Layout> view(const Layout& input, const Shape&, const Attributes&) const override {
    return input;
  }
};

const Constant& kConstant = *new Constant;
const Iota& kIota = *new Iota;
const Source& kLeaf = *new Source(Op::leaf, false);
const Source& kVariable = *new Source(Op::variable, true);
const StopGradient& kStopGradient = *new StopGradient;

bool representable(double value, DType dtype) {
  // What is half a unit or more beyond the largest float would become infinity.
  if (dtype == DType::f32) return !(std::abs(value) >= 0x1.ffffffp127) || std::isinf(value);
  if (is_floating(dtype)) return true;
  if (value != std::trunc(value)) return false;
  switch (dtype) {
    case DType::boolean:
      return value == 0 || value == 1;
    case DType::u8:
      return value >= 0 && value <= 255;
    case DType::u32:
      return value >= 0 && value <= 4294967295.0;
    case DType::i32:
      return value >= -2147483648.0 && value <= 2147483647.0;
    default:
      return std::abs(value) <= 9007199254740992.0;
  }
}

// Can the type hold every integer up to `last`?
bool counts_to(std::int64_t last, DType dtype) {
  if (dtype == DType::boolean) return false;
  if (dtype == DType::f32) return last <= (std::int64_t{1} << 24);
  return representable(static_cast<double>(last), dtype);
}

template <class T>
Tensor copy_to_leaf(const T* values, std::size_t count, const Shape& shape) {
  if (static_cast<std::int64_t>(count) != shape.size())
    throw Error("tensor: " + std::to_string(count) + " values for shape " + to_string(shape));
  Array array = Array::dense(shape, dtype_of<T>);
  if (count > 0) std::memcpy(array.data<T>(), values, count * sizeof(T));
  return leaf(std::move(array));
}

}  // namespace

Tensor full(const Shape& shape, double value, DType dtype) {
  if (!representable(value, dtype))
    throw Error("full: " + std::string(name_of(dtype)) + " cannot hold " + number_text(value));
  Attributes attributes({static_cast<std::int64_t>(dtype), std::bit_cast<std::int64_t>(value)},
                        shape.extents());
  return apply(kConstant, Inputs{}, std::move(attributes));
}

Tensor zeros(const Shape& shape, DType dtype) { return full(shape, 0, dtype); }
Tensor ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }
Tensor zeros_like(const Tensor& x) { return full(x.shape(), 0, x.dtype()); }
Tensor ones_like(const Tensor& x) { return full(x.shape(), 1, x.dtype()); }

Tensor iota(std::int64_t count, DType dtype) {
  if (count < 0) throw Error("iota: negative count " + std::to_string(count));
  if (count > 0 && !counts_to(count - 1, dtype))
    throw Error("iota: " + std::string(name_of(dtype)) + " cannot count to " + std::to_string(count - 1));
  return apply(kIota, Inputs{}, {static_cast<std::int64_t>(dtype), count});
}

Tensor linspace(double first, double last, std::int64_t count, DType dtype) {
  if (count < 0 || !is_floating(dtype))
    throw Error("linspace: " + std::to_string(count) + " numbers of " + std::string(name_of(dtype)) +
                "; needs a floating type and no negative count");
  // Weights of both ends, so that both are exact.
  const Tensor share = iota(count, DType::f64) / static_cast<double>(std::max<std::int64_t>(1, count - 1));
  return cast((1 - share) * first + share * last, dtype);
}

Tensor identity(std::int64_t n, DType dtype) {
  const Tensor i = iota(n);
  return cast(equal(insert_axes(i, {-1}), insert_axes(i, {-2})), dtype);
}

Tensor literal_like(double value, const Tensor& like) {
  if (!representable(value, like.dtype()))
    throw Error("literal: " + number_text(value) + " does not fit beside a tensor of " +
                std::string(name_of(like.dtype())));
  return full(Shape::filled(like.rank(), 1), value, like.dtype());
}

Tensor to_tensor(const Operand& operand, const Tensor& like) {
  return operand.is_literal() ? literal_like(operand.literal(), like) : operand.tensor();
}

Tensor variable(const Shape& shape, DType dtype, std::source_location where) {
  return make_leaf(kVariable, shape, dtype, {}, {}, where);
}

bool is_constant(const Tensor& x) {
  constexpr std::size_t kLargest = 64;
  std::vector<const Node*> reached{&x.node()};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    const Primitive& primitive = reached[i]->primitive();
    const std::span<Node* const> inputs = reached[i]->inputs();
    const bool is_leaf = inputs.empty() && &primitive != &kConstant && &primitive != &kIota;
    if (is_leaf || primitive.orders_steps() || i == kLargest) return false;
    reached.insert(reached.end(), inputs.begin(), inputs.end());
  }
  return true;
}

Tensor leaf(Array array) {
  const Shape shape = array.shape();
  const DType dtype = array.dtype;
  return make_leaf(kLeaf, shape, dtype, std::move(array));
}

Tensor stop_gradient(const Operand& x) { return apply(kStopGradient, {x.tensor()}, {}, x.where()); }

template <class T>
Tensor tensor(std::span<const T> values, const Shape& shape) {
  return copy_to_leaf(values.data(), values.size(), shape);
}
template Tensor tensor(std::span<const float>, const Shape&);
template Tensor tensor(std::span<const double>, const Shape&);
template Tensor tensor(std::span<const std::int32_t>, const Shape&);
template Tensor tensor(std::span<const std::int64_t>, const Shape&);
template Tensor tensor(std::span<const std::uint8_t>, const Shape&);
template Tensor tensor(std::span<const std::uint32_t>, const Shape&);
template Tensor tensor(std::span<const bool>, const Shape&);
template Tensor tensor(std::span<const std::complex<double>>, const Shape&);

Tensor tensor(const std::vector<bool>& values, const Shape& shape) {
  const auto copy = std::make_unique<bool[]>(values.size());
  std::copy(values.begin(), values.end(), copy.get());
  return copy_to_leaf(copy.get(), values.size(), shape);
}

}  // namespace nabla
