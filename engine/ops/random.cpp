#include "engine/ops/random.h"

#include <numbers>

#include "engine/ops/constant.h"
#include "engine/ops/contract.h"
#include "engine/ops/indexing.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

void require_key(std::string_view name, const Tensor& key) {
  if (key.dtype() != DType::u32 || key.rank() < 1 || key.shape()[-1] != 2)
    throw Error(std::string(name) + ": " + to_string(key.shape()) + " " + std::string(name_of(key.dtype())) +
                " is not a key; keys are [.., 2] u32 from random_key, split or fold_in");
}

// The purpose is part of the counter, so that numbers and derived keys never share a word.
constexpr std::int64_t kNumbers = 0;
constexpr std::int64_t kSplit = 1;

// Attributes: type of the result, purpose, extents of the result behind the key's leading axes.
class RandomPrimitive final : public NondifferentiablePrimitive {
 public:
  explicit RandomPrimitive(Op op) : NondifferentiablePrimitive(op) {}
  TensorType infer(Inputs inputs, const Attributes& a) const override {
    require_key(name(), inputs[0]);
    return {concatenate(inputs[0].shape().first(inputs[0].rank() - 1), Shape(a.from(2))),
            static_cast<DType>(a[0])};
  }
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    if (axis == -1) return std::nullopt;
    return axis + 1 - (static_cast<int>(at.attributes.size()) - 2);
  }
};

// A key [.., 2] and a number [.., 1] i64.
class FoldIn final : public NondifferentiablePrimitive {
 public:
  FoldIn() : NondifferentiablePrimitive(Op::fold_in) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    require_key(name(), inputs[0]);
    Shape shape = inputs[0].shape();
    shape[-1] = 1;
    Shape result;
    if (inputs[1].dtype() != DType::i64 || inputs[1].rank() != shape.rank() || inputs[1].shape()[-1] != 1 ||
        !broadcast_shapes(shape, inputs[1].shape(), result))
      throw Error(with_operands(name(), inputs) + ": needs one i64 number per key");
    result[-1] = 2;
    return {result, DType::u32};
  }
  std::optional<int> carried_axis(const Application&, int, int axis) const override {
    if (axis == -1) return std::nullopt;
    return axis;
  }
};

const RandomPrimitive& kRandomBits = *new RandomPrimitive(Op::random_bits);
const RandomPrimitive& kRandomUniform = *new RandomPrimitive(Op::random_uniform);
const FoldIn& kFoldIn = *new FoldIn;

Tensor draw(const RandomPrimitive& primitive, const Operand& key, DType dtype, std::int64_t purpose,
            const Shape& shape) {
  Attributes attributes({static_cast<std::int64_t>(dtype), purpose}, shape.extents());
  return apply(primitive, {key.tensor()}, std::move(attributes), key.where());
}

// Up to here an f64, and so a constant, holds every integer.
constexpr std::uint64_t kExactBelow = std::uint64_t{1} << 53;

Tensor exactly(std::int64_t number) {
  const std::uint64_t size =
      number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  return size <= kExactBelow ? full({}, static_cast<double>(number), DType::i64)
                             : tensor<std::int64_t>({number}, {});
}

}  // namespace

Tensor random_key(std::uint64_t seed) {
  return tensor<std::uint32_t>({static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
                               {2});
}

Tensor split(const Operand& key, std::int64_t count) {
  return draw(kRandomBits, key, DType::u32, kSplit, {count, 2});
}

Tensor fold_in(const Operand& key, const Tensor& number) {
  const SourceScope scope(key.where());
  if (!is_integer(number.dtype()))
    throw Error("fold_in: the number " + to_string(number.shape()) + " " +
                std::string(name_of(number.dtype())) + " is no integer; cast it");
  const Tensor operand = insert_axes(cast(number, DType::i64), {-1});
  return apply(kFoldIn, {key.tensor(), promote(operand, key.tensor().rank())}, {}, key.where());
}

Tensor fold_in(const Operand& key, std::int64_t number) {
  const SourceScope scope(key.where());
  return fold_in(key, exactly(number));
}

Tensor random_bits(const Operand& key, const Shape& shape) {
  return draw(kRandomBits, key, DType::u32, kNumbers, shape);
}

Tensor uniform(const Operand& key, const Shape& shape, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::f64)
    throw Error("uniform: " + std::string(name_of(dtype)) + " is not a floating type; see integers");
  return draw(kRandomUniform, key, dtype, kNumbers, shape);
}

Tensor normal(const Operand& key, const Shape& shape, DType dtype) {
  const SourceScope scope(key.where());
  const std::int64_t half = (shape.size() + 1) / 2;
  const Tensor u = uniform(key, {2, half}, dtype);
  const Tensor radius = sqrt(log(1 - slice(u, -2, 0, 1)) * -2);  // 1 - u is never 0
  const Tensor angle = slice(u, -2, 1, 2) * (2 * std::numbers::pi);
  const Tensor pairs = concatenate({radius * cos(angle), radius * sin(angle)}, -1);  // [.., 1, 2 half]
  const Tensor flat = slice(drop_axes(pairs, {-2}), -1, 0, shape.size());
  return reshape(flat, concatenate(flat.shape().first(flat.rank() - 1), shape));
}

Tensor integers(const Operand& key, const Shape& shape, std::int64_t low, std::int64_t high) {
  const SourceScope scope(key.where());
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  if (low >= high || range > kExactBelow)
    throw Error("integers: no integer lies in [" + std::to_string(low) + ", " + std::to_string(high) +
                "), or more than 2^53 do");
  const Tensor drawn = cast(uniform(key, shape, DType::f64) * static_cast<double>(range), DType::i64);
  return drawn + exactly(low);
}

Tensor permutation(const Operand& key, std::int64_t count) {
  const SourceScope scope(key.where());
  return argsort(random_bits(key, {count}), -1);
}

}  // namespace nabla
