#include "engine/ops/pointwise.h"

#include <limits>
#include <numbers>

#include "engine/ops/constant.h"
#include "engine/ops/contract.h"

namespace nabla {
namespace {

// ---------------------------------------------------------------------------------------------------------------------
// The derivative rules. One partial per input, in terms of the inputs x and the output y; a plain number is a
// constant factor. Using y keeps the primal from appearing twice, where y still has the digits that the
// derivative needs: 1 - y^2 of tanh, y (1 - y) of sigmoid and the like lose them in the tails, so these rules
// use x. A rule is called <name>_rule: the operators below are made from the lines of the catalogue.

using Pointwise = PointwisePrimitive;
using In = Inputs;
using Out = const Tensor&;

Partial constant(double factor) { return factor; }

// 1 where a beats b, 1/2 at a tie.
Partial winner(const Tensor& wins, const Tensor& ties, DType dtype) {
  return cast(wins, dtype) + cast(ties, dtype) * 0.5;
}

// e^a / (e^a + e^b), 0 where both are masked by -inf; y is their logaddexp.
Tensor share_of(const Tensor& a, const Tensor& b, const Tensor& y) {
  constexpr double kMasked = -std::numeric_limits<double>::infinity();
  return sigmoid(select(equal(y, kMasked), kMasked, a - b));
}

double smallest_normal(DType dtype) {
  return dtype == DType::f32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
}

const Pointwise& neg_rule = pointwise_rule<Op::neg>([](In, Out) { return constant(-1); });
const Pointwise& add_rule =
    pointwise_rule<Op::add>([](In, Out) { return constant(1); }, [](In, Out) { return constant(1); });
const Pointwise& sub_rule =
    pointwise_rule<Op::sub>([](In, Out) { return constant(1); }, [](In, Out) { return constant(-1); });
const Pointwise& mul_rule = pointwise_rule<Op::mul>([](In x, Out) -> Partial { return x[1]; },
                                                    [](In x, Out) -> Partial { return x[0]; });
const Pointwise& div_rule =
    pointwise_rule<Op::div>([](In x, Out) -> Partial { return reciprocal(x[1]); },
                            [](In x, Out y) -> Partial { return -(y * reciprocal(x[1])); });
const Pointwise& max_rule = pointwise_rule<Op::max>(
    [](In x, Out) { return winner(greater(x[0], x[1]), equal(x[0], x[1]), x[0].dtype()); },
    [](In x, Out) { return winner(less(x[0], x[1]), equal(x[0], x[1]), x[0].dtype()); });
const Pointwise& min_rule = pointwise_rule<Op::min>(
    [](In x, Out) { return winner(less(x[0], x[1]), equal(x[0], x[1]), x[0].dtype()); },
    [](In x, Out) { return winner(greater(x[0], x[1]), equal(x[0], x[1]), x[0].dtype()); });
const Pointwise& abs_rule = pointwise_rule<Op::abs>([](In x, Out) -> Partial { return sign(x[0]); });
const Pointwise& sign_rule = pointwise_rule<Op::sign>([](In, Out) { return constant(0); });
const Pointwise& square_rule = pointwise_rule<Op::square>([](In x, Out) -> Partial { return x[0] * 2; });
const Pointwise& sqrt_rule =
    pointwise_rule<Op::sqrt>([](In, Out y) -> Partial { return reciprocal(y) * 0.5; });
const Pointwise& rsqrt_rule =
    pointwise_rule<Op::rsqrt>([](In, Out y) -> Partial { return square(y) * y * -0.5; });
const Pointwise& reciprocal_rule =
    pointwise_rule<Op::reciprocal>([](In, Out y) -> Partial { return -square(y); });
const Pointwise& exp_rule = pointwise_rule<Op::exp>([](In, Out y) -> Partial { return y; });
const Pointwise& log_rule = pointwise_rule<Op::log>([](In x, Out) -> Partial { return reciprocal(x[0]); });
const Pointwise& expm1_rule = pointwise_rule<Op::expm1>([](In x, Out) -> Partial { return exp(x[0]); });
const Pointwise& log1p_rule =
    pointwise_rule<Op::log1p>([](In x, Out) -> Partial { return reciprocal(x[0] + 1); });
const Pointwise& sin_rule = pointwise_rule<Op::sin>([](In x, Out) -> Partial { return cos(x[0]); });
const Pointwise& cos_rule = pointwise_rule<Op::cos>([](In x, Out) -> Partial { return -sin(x[0]); });
const Pointwise& tanh_rule =
    pointwise_rule<Op::tanh>([](In x, Out) -> Partial { return square(sech(x[0])); });
const Pointwise& sech_rule =
    pointwise_rule<Op::sech>([](In x, Out y) -> Partial { return -(y * tanh(x[0])); });
const Pointwise& sigmoid_rule =
    pointwise_rule<Op::sigmoid>([](In x, Out y) -> Partial { return y * sigmoid(-x[0]); });
// Of x and s = sigmoid(x), which is an operand so that the derivative finds it computed. Both count as
// functions of x alone; 1 - s has the digits that they need, their derivative has not.
const Pointwise& silu_slope_rule = pointwise_rule<Op::silu_slope>(
    [](In x, Out) -> Partial {
      const Tensor root = sech(x[0] * 0.5) * 0.5;  // of sigmoid', which may be subnormal
      return root * (2 - x[0] * tanh(x[0] * 0.5)) * root;
    },
    [](In, Out) { return constant(0); });
const Pointwise& silu_rule = pointwise_rule<Op::silu>(
    [](In x, Out) -> Partial {
      return apply(silu_slope_rule, {x[0], x[1]});
    },
    [](In, Out) { return constant(0); });
const Pointwise& erf_rule = pointwise_rule<Op::erf>(
    [](In x, Out) -> Partial { return square(gaussian(x[0])) * (2 * std::numbers::inv_sqrtpi); });
const Pointwise& erfc_rule = pointwise_rule<Op::erfc>(
    [](In x, Out) -> Partial { return square(gaussian(x[0])) * (-2 * std::numbers::inv_sqrtpi); });
const Pointwise& normal_cdf_rule = pointwise_rule<Op::normal_cdf>(
    [](In x, Out) -> Partial { return gaussian(x[0]) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2); });
const Pointwise& gaussian_rule =
    pointwise_rule<Op::gaussian>([](In x, Out y) -> Partial { return -(x[0] * y); });
const Pointwise& logaddexp_rule =
    pointwise_rule<Op::logaddexp>([](In x, Out y) -> Partial { return share_of(x[0], x[1], y); },
                                  [](In x, Out y) -> Partial { return share_of(x[1], x[0], y); });
const Pointwise& pow_rule = pointwise_rule<Op::pow>(
    [](In x, Out) -> Partial {
      // The exponent stays a factor where it is 0, because its own derivative is not; what it multiplies must
      // be finite there. Where the base is 0 it is held constant.
      const Tensor exponent = is_constant(x[1]) ? x[1] : select(equal(x[0], 0), stop_gradient(x[1]), x[1]);
      const Tensor overflows = less(abs(x[0]), smallest_normal(x[0].dtype()));
      const Tensor base = select(equal(x[1], 0), select(overflows, 1.0, x[0]), x[0]);
      return exponent * pow(base, exponent - 1);
    },
    [](In x, Out y) -> Partial {
      const Tensor at_zero = equal(x[0], 0);
      return select(at_zero, 0.0, log(select(at_zero, 1.0, x[0])) * y);
    });

// Of x and normal_cdf(x), in the same way.
const Pointwise& gelu_slope_rule = pointwise_rule<Op::gelu_slope>(
    [](In x, Out) -> Partial {
      const Tensor root = square(gaussian(x[0] * 0.5));  // of a gaussian that may be subnormal
      const Tensor far = x[0] * root;
      return (2 * root * root - far * far) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    },
    [](In, Out) { return constant(0); });
const Pointwise& gelu_rule = pointwise_rule<Op::gelu>(
    [](In x, Out) -> Partial {
      return apply(gelu_slope_rule, {x[0], x[1]});
    },
    [](In, Out) { return constant(0); });

// ---------------------------------------------------------------------------------------------------------------------

// Pointwise by position, without derivative.
class Comparison final : public NondifferentiablePrimitive {
 public:
  explicit Comparison(Op op) : NondifferentiablePrimitive(op) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    if (inputs[0].dtype() != inputs[1].dtype())
      throw Error(with_operands(name(), inputs) + " differ in type; cast one of them");
    if (!is_one_of(facts_of(op()).types, inputs[0].dtype()))
      throw Error(with_operands(name(), inputs) + ": the type is not supported; cast first");
    return {broadcast_operands(name(), inputs), DType::boolean};
  }
  bool is_pointwise() const override { return true; }
  bool builds_identity() const override { return op() == Op::equal; }
  std::optional<int> carried_axis(const Application&, int, int axis) const override { return axis; }
};

#define COMPARISON(name, types) const Comparison& name##_rule = *new Comparison(Op::name);
#include "engine/graph/primitives.def"

// Linear in both branches. Zero cotangents are selected, never multiplied.
class Select final : public LinearPrimitive {
 public:
  Select() : LinearPrimitive(Op::select) {}
  bool linear_in(int slot) const override { return slot > 0; }
  bool is_pointwise() const override { return true; }
  TensorType infer(Inputs inputs, const Attributes&) const override {
    if (inputs[0].dtype() != DType::boolean || inputs[1].dtype() != inputs[2].dtype())
      throw Error(with_operands(name(), inputs) + ": needs a bool condition and two operands of one type");
    return {broadcast_operands(name(), inputs), inputs[1].dtype()};
  }
  Tensor transpose(const Application& at, int slot, const Tensor& cotangent) const override {
    const Tensor& condition = at.inputs[0];
    const Tensor chosen = slot == 1 ? select(condition, cotangent, 0.0) : select(condition, 0.0, cotangent);
    return sum_to_shape(chosen, at.output.shape(), at.inputs[slot].shape());
  }
  std::optional<int> carried_axis(const Application&, int, int axis) const override { return axis; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
};
const Select& kSelect = *new Select;

// Attribute: the type.
class Cast final : public LinearPrimitive {
 public:
  Cast() : LinearPrimitive(Op::cast) {}
  bool builds_identity() const override { return true; }
  TensorType infer(Inputs inputs, const Attributes& attributes) const override {
    return {inputs[0].shape(), static_cast<DType>(attributes[0])};
  }
  bool is_pointwise() const override { return true; }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    return cast(cotangent, at.inputs[0].dtype());
  }
  std::optional<int> carried_axis(const Application&, int, int axis) const override { return axis; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
  std::string describe(const Attributes& attributes) const override {
    return std::string(name_of(static_cast<DType>(attributes[0])));
  }
};
const Cast& kCast = *new Cast;

Tensor unary(const Primitive& primitive, const Operand& x) {
  return apply(primitive, std::span(&x.tensor(), 1), {}, x.where());
}

// Literals become tensors and ranks are made equal before the primitive sees its operands.
Tensor binary(const Primitive& primitive, const Operand& a, const Operand& b) {
  const SourceScope scope(a.where());
  const Tensor& like = a.is_literal() ? b.tensor() : a.tensor();
  Tensor operands[] = {to_tensor(a, like), to_tensor(b, like)};
  const int rank = std::max(operands[0].rank(), operands[1].rank());
  for (Tensor& operand : operands)
    if (operand.rank() < rank) operand = promote(operand, rank);
  return apply(primitive, operands, {}, a.where());
}

}  // namespace

#define UNARY(name, types, signs) \
  Tensor name(const Operand& x) { return unary(name##_rule, x); }
#define BINARY(name, types, signs) \
  Tensor name(const Operand& a, const Operand& b) { return binary(name##_rule, a, b); }
#define COMPARISON(name, types) BINARY(name, types, )
#include "engine/graph/primitives.def"

Tensor silu(const Operand& x) { return binary(silu_rule, x, stop_gradient(sigmoid(x))); }
Tensor gelu(const Operand& x) { return binary(gelu_rule, x, stop_gradient(normal_cdf(x))); }

Tensor select(const Tensor& condition, const Operand& a, const Operand& b) {
  const SourceScope scope(a.where());
  if (a.is_literal() && b.is_literal())
    throw Error("select: both branches are literals; make one of them a tensor");
  const Tensor& like = a.is_literal() ? b.tensor() : a.tensor();
  Tensor operands[] = {condition, to_tensor(a, like), to_tensor(b, like)};
  int rank = 0;
  for (const Tensor& operand : operands) rank = std::max(rank, operand.rank());
  for (Tensor& operand : operands) operand = promote(operand, rank);
  return apply(kSelect, operands, {}, a.where());
}

Tensor cast(const Operand& x, DType dtype) {
  if (x.tensor().dtype() == dtype) return x.tensor();
  return apply(kCast, {x.tensor()}, {static_cast<std::int64_t>(dtype)}, x.where());
}

}  // namespace nabla
