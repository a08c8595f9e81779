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
// use x.

using Pointwise = PointwisePrimitive;
using In = Inputs;
using Out = const Tensor&;
constexpr auto kNumeric = PointwisePrimitive::Domain::numeric;
constexpr auto kFloating = PointwisePrimitive::Domain::floating;
constexpr std::integral_constant<std::size_t, 1> kUnary;
constexpr std::integral_constant<std::size_t, 2> kBinary;

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

const Pointwise& kNeg = *new Pointwise("neg", kNumeric, kUnary, [](In, Out) { return constant(-1); });
const Pointwise& kAdd = *new Pointwise(
    "add", kNumeric, kBinary, [](In, Out) { return constant(1); }, [](In, Out) { return constant(1); });
const Pointwise& kSub = *new Pointwise(
    "sub", kNumeric, kBinary, [](In, Out) { return constant(1); }, [](In, Out) { return constant(-1); });
const Pointwise& kMul = *new Pointwise(
    "mul", kNumeric, kBinary, [](In x, Out) -> Partial { return x[1]; },
    [](In x, Out) -> Partial { return x[0]; });
const Pointwise& kDiv = *new Pointwise(
    "div", kFloating, kBinary, [](In x, Out) -> Partial { return reciprocal(x[1]); },
    [](In x, Out y) -> Partial { return -(y * reciprocal(x[1])); });
const Pointwise& kMax = *new Pointwise(
    "max", kNumeric, kBinary,
    [](In x, Out) { return winner(greater(x[0], x[1]), equal(x[0], x[1]), x[0].dtype()); },
    [](In x, Out) { return winner(less(x[0], x[1]), equal(x[0], x[1]), x[0].dtype()); });
const Pointwise& kMin = *new Pointwise(
    "min", kNumeric, kBinary,
    [](In x, Out) { return winner(less(x[0], x[1]), equal(x[0], x[1]), x[0].dtype()); },
    [](In x, Out) { return winner(greater(x[0], x[1]), equal(x[0], x[1]), x[0].dtype()); });
const Pointwise& kAbs =
    *new Pointwise("abs", kNumeric, kUnary, [](In x, Out) -> Partial { return sign(x[0]); });
const Pointwise& kSign = *new Pointwise("sign", kNumeric, kUnary, [](In, Out) { return constant(0); });
const Pointwise& kSquare =
    *new Pointwise("square", kNumeric, kUnary, [](In x, Out) -> Partial { return x[0] * 2; });
const Pointwise& kSqrt =
    *new Pointwise("sqrt", kFloating, kUnary, [](In, Out y) -> Partial { return reciprocal(y) * 0.5; });
const Pointwise& kRsqrt =
    *new Pointwise("rsqrt", kFloating, kUnary, [](In, Out y) -> Partial { return square(y) * y * -0.5; });
const Pointwise& kReciprocal =
    *new Pointwise("reciprocal", kFloating, kUnary, [](In, Out y) -> Partial { return -square(y); });
const Pointwise& kExp = *new Pointwise("exp", kFloating, kUnary, [](In, Out y) -> Partial { return y; });
const Pointwise& kLog =
    *new Pointwise("log", kFloating, kUnary, [](In x, Out) -> Partial { return reciprocal(x[0]); });
const Pointwise& kExpm1 =
    *new Pointwise("expm1", kFloating, kUnary, [](In x, Out) -> Partial { return exp(x[0]); });
const Pointwise& kLog1p =
    *new Pointwise("log1p", kFloating, kUnary, [](In x, Out) -> Partial { return reciprocal(x[0] + 1); });
const Pointwise& kSin =
    *new Pointwise("sin", kFloating, kUnary, [](In x, Out) -> Partial { return cos(x[0]); });
const Pointwise& kCos =
    *new Pointwise("cos", kFloating, kUnary, [](In x, Out) -> Partial { return -sin(x[0]); });
const Pointwise& kTanh =
    *new Pointwise("tanh", kFloating, kUnary, [](In x, Out) -> Partial { return square(sech(x[0])); });
const Pointwise& kSech =
    *new Pointwise("sech", kFloating, kUnary, [](In x, Out y) -> Partial { return -(y * tanh(x[0])); });
const Pointwise& kSigmoid =
    *new Pointwise("sigmoid", kFloating, kUnary, [](In x, Out y) -> Partial { return y * sigmoid(-x[0]); });
// Of x and s = sigmoid(x), which is an operand so that the derivative finds it computed. Both count as
// functions of x alone; 1 - s has the digits that they need, their derivative has not.
const Pointwise& kSiluSlope = *new Pointwise(
    "silu_slope", kFloating, kBinary,
    [](In x, Out) -> Partial {
      const Tensor root = sech(x[0] * 0.5) * 0.5;  // of sigmoid', which may be subnormal
      return root * (2 - x[0] * tanh(x[0] * 0.5)) * root;
    },
    [](In, Out) { return constant(0); });
const Pointwise& kSilu = *new Pointwise(
    "silu", kFloating, kBinary,
    [](In x, Out) -> Partial {
      return apply(kSiluSlope, {x[0], x[1]});
    },
    [](In, Out) { return constant(0); });
const Pointwise& kErf = *new Pointwise("erf", kFloating, kUnary, [](In x, Out) -> Partial {
  return square(gaussian(x[0])) * (2 * std::numbers::inv_sqrtpi);
});
const Pointwise& kErfc = *new Pointwise("erfc", kFloating, kUnary, [](In x, Out) -> Partial {
  return square(gaussian(x[0])) * (-2 * std::numbers::inv_sqrtpi);
});
const Pointwise& kNormalCdf = *new Pointwise("normal_cdf", kFloating, kUnary, [](In x, Out) -> Partial {
  return gaussian(x[0]) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
});
const Pointwise& kGaussian =
    *new Pointwise("gaussian", kFloating, kUnary, [](In x, Out y) -> Partial { return -(x[0] * y); });
const Pointwise& kLogaddexp = *new Pointwise(
    "logaddexp", kFloating, kBinary, [](In x, Out y) -> Partial { return share_of(x[0], x[1], y); },
    [](In x, Out y) -> Partial { return share_of(x[1], x[0], y); });
const Pointwise& kPow = *new Pointwise(
    "pow", kFloating, kBinary,
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
const Pointwise& kGeluSlope = *new Pointwise(
    "gelu_slope", kFloating, kBinary,
    [](In x, Out) -> Partial {
      const Tensor root = square(gaussian(x[0] * 0.5));  // of a gaussian that may be subnormal
      const Tensor far = x[0] * root;
      return (2 * root * root - far * far) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    },
    [](In, Out) { return constant(0); });
const Pointwise& kGelu = *new Pointwise(
    "gelu", kFloating, kBinary,
    [](In x, Out) -> Partial {
      return apply(kGeluSlope, {x[0], x[1]});
    },
    [](In, Out) { return constant(0); });

// ---------------------------------------------------------------------------------------------------------------------

// Pointwise by position, without derivative.
class Comparison final : public NondifferentiablePrimitive {
 public:
  explicit Comparison(std::string_view name) : NondifferentiablePrimitive(name) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    if (inputs[0].dtype() != inputs[1].dtype())
      throw Error(with_operands(name(), inputs) + " differ in type; cast one of them");
    return {broadcast_operands(name(), inputs), DType::boolean};
  }
  bool is_pointwise() const override { return true; }
  std::optional<int> carried_axis(const Application&, int, int axis) const override { return axis; }
};

const Comparison& kEqual = *new Comparison("equal");
const Comparison& kNotEqual = *new Comparison("not_equal");
const Comparison& kLess = *new Comparison("less");
const Comparison& kLessEqual = *new Comparison("less_equal");
const Comparison& kGreater = *new Comparison("greater");
const Comparison& kGreaterEqual = *new Comparison("greater_equal");

// Linear in both branches. Zero cotangents are selected, never multiplied.
class Select final : public LinearPrimitive {
 public:
  Select() : LinearPrimitive("select") {}
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
  Structure structure(const Application&, int) const override { return Structure::diagonal; }
};
const Select& kSelect = *new Select;

// Attribute: the type.
class Cast final : public LinearPrimitive {
 public:
  Cast() : LinearPrimitive("cast") {}
  TensorType infer(Inputs inputs, const Attributes& attributes) const override {
    return {inputs[0].shape(), static_cast<DType>(attributes[0])};
  }
  bool is_pointwise() const override { return true; }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    return cast(cotangent, at.inputs[0].dtype());
  }
  std::optional<int> carried_axis(const Application&, int, int axis) const override { return axis; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
  Structure structure(const Application&, int) const override { return Structure::diagonal; }
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

Tensor neg(const Operand& x) { return unary(kNeg, x); }
Tensor add(const Operand& a, const Operand& b) { return binary(kAdd, a, b); }
Tensor sub(const Operand& a, const Operand& b) { return binary(kSub, a, b); }
Tensor mul(const Operand& a, const Operand& b) { return binary(kMul, a, b); }
Tensor div(const Operand& a, const Operand& b) { return binary(kDiv, a, b); }
Tensor max(const Operand& a, const Operand& b) { return binary(kMax, a, b); }
Tensor min(const Operand& a, const Operand& b) { return binary(kMin, a, b); }
Tensor abs(const Operand& x) { return unary(kAbs, x); }
Tensor sign(const Operand& x) { return unary(kSign, x); }
Tensor square(const Operand& x) { return unary(kSquare, x); }
Tensor sqrt(const Operand& x) { return unary(kSqrt, x); }
Tensor rsqrt(const Operand& x) { return unary(kRsqrt, x); }
Tensor reciprocal(const Operand& x) { return unary(kReciprocal, x); }
Tensor exp(const Operand& x) { return unary(kExp, x); }
Tensor log(const Operand& x) { return unary(kLog, x); }
Tensor expm1(const Operand& x) { return unary(kExpm1, x); }
Tensor log1p(const Operand& x) { return unary(kLog1p, x); }
Tensor sin(const Operand& x) { return unary(kSin, x); }
Tensor cos(const Operand& x) { return unary(kCos, x); }
Tensor tanh(const Operand& x) { return unary(kTanh, x); }
Tensor sigmoid(const Operand& x) { return unary(kSigmoid, x); }
Tensor silu(const Operand& x) { return binary(kSilu, x, stop_gradient(sigmoid(x))); }
Tensor gelu(const Operand& x) { return binary(kGelu, x, stop_gradient(normal_cdf(x))); }
Tensor sech(const Operand& x) { return unary(kSech, x); }
Tensor erf(const Operand& x) { return unary(kErf, x); }
Tensor erfc(const Operand& x) { return unary(kErfc, x); }
Tensor normal_cdf(const Operand& x) { return unary(kNormalCdf, x); }
Tensor gaussian(const Operand& x) { return unary(kGaussian, x); }
Tensor logaddexp(const Operand& a, const Operand& b) { return binary(kLogaddexp, a, b); }
Tensor pow(const Operand& base, const Operand& exponent) { return binary(kPow, base, exponent); }

Tensor equal(const Operand& a, const Operand& b) { return binary(kEqual, a, b); }
Tensor not_equal(const Operand& a, const Operand& b) { return binary(kNotEqual, a, b); }
Tensor less(const Operand& a, const Operand& b) { return binary(kLess, a, b); }
Tensor less_equal(const Operand& a, const Operand& b) { return binary(kLessEqual, a, b); }
Tensor greater(const Operand& a, const Operand& b) { return binary(kGreater, a, b); }
Tensor greater_equal(const Operand& a, const Operand& b) { return binary(kGreaterEqual, a, b); }

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
