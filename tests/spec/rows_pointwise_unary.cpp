#include <cmath>
#include <numbers>

#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

using UnaryFunction = Tensor (*)(const Operand&);
using UnaryScalar = double (*)(double);

struct Unary {
  const char* name;
  UnaryFunction function;
  UnaryScalar scalar;
  double low;
  double high;
  bool analytic = true;
  std::vector<double> avoid = {};
};

const Unary kUnary[] = {
    {"neg", &neg, [](double x) { return -x; }, -2, 2},
    {"abs", &nabla::abs, [](double x) { return std::abs(x); }, -2, 2, false, {0}},
    {"sign", &sign, [](double x) { return x < 0 ? -1.0 : 1.0; }, -2, 2, false, {0}},
    {"square", &square, [](double x) { return x * x; }, -2, 2},
    {"sqrt", &nabla::sqrt, [](double x) { return std::sqrt(x); }, 0.5, 4},
    {"rsqrt", &rsqrt, [](double x) { return 1 / std::sqrt(x); }, 0.5, 4},
    {"reciprocal", &reciprocal, [](double x) { return 1 / x; }, -3, 3, true, {-0.4, -0.2, 0, 0.2, 0.4}},
    {"exp", &nabla::exp, [](double x) { return std::exp(x); }, -2, 2},
    {"log", &nabla::log, [](double x) { return std::log(x); }, 0.5, 4},
    {"expm1", &nabla::expm1, [](double x) { return std::expm1(x); }, -2, 2},
    {"log1p", &nabla::log1p, [](double x) { return std::log1p(x); }, -0.5, 3},
    {"sin", &nabla::sin, [](double x) { return std::sin(x); }, -4, 4},
    {"cos", &nabla::cos, [](double x) { return std::cos(x); }, -4, 4},
    {"tanh", &nabla::tanh, [](double x) { return std::tanh(x); }, -3, 3},
    {"sigmoid", &sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -4, 4},
    {"silu", &silu, [](double x) { return x / (1 + std::exp(-x)); }, -4, 4},
    {"silu_slope", [](const Operand& x) { return jvp(&silu, x.tensor(), ones_like(x.tensor())).tangent; },
     [](double x) { return (1 + x / (1 + std::exp(x))) / (1 + std::exp(-x)); }, -4, 4},
    {"gelu", &gelu, [](double x) { return x * std::erfc(-x / std::numbers::sqrt2) / 2; }, -3, 3},
    {"gelu_slope", [](const Operand& x) { return jvp(&gelu, x.tensor(), ones_like(x.tensor())).tangent; },
     [](double x) {
       return std::erfc(-x / std::numbers::sqrt2) / 2 +
              x * std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
     },
     -3, 3},
    {"sech", &sech, [](double x) { return 1 / std::cosh(x); }, -3, 3},
    {"erf", &nabla::erf, [](double x) { return std::erf(x); }, -2, 2},
    {"erfc", &nabla::erfc, [](double x) { return std::erfc(x); }, -2, 2},
    {"normal_cdf", &normal_cdf, [](double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }, -3, 3},
    {"gaussian", &gaussian, [](double x) { return std::exp(-x * x / 2); }, -3, 3},
};

// Points of one unary function: x, value, derivative.
struct Point {
  double x;
  double value;
  double derivative;
};

Case points(const char* label, std::vector<Point> list, const std::vector<double>& second = {}) {
  std::vector<double> x;
  Case c{label, {}, {}, {{}}, {{}}};
  for (const Point& p : list) {
    x.push_back(p.x);
    c.value.push_back(p.value);
    c.along_ones[0].push_back(p.derivative);
    c.gradient[0].push_back(p.derivative);
  }
  if (!second.empty()) c.second = {second};
  c.inputs = {f64(x, {static_cast<std::int64_t>(x.size())})};
  return c;
}

std::vector<Case> special_points(std::string_view name) {
  const double two_over_sqrt_pi = 2 * std::numbers::inv_sqrtpi;
  if (name == "abs") return {points("kink", {{0, 0, 0}, {-kInf, kInf, -1}, {-3, 3, -1}}, {0, 0, 0})};
  if (name == "sign") return {points("kink", {{0, 0, 0}, {-0.0, 0, 0}, {-kInf, -1, 0}, {kNan, kNan, 0}})};
  if (name == "square") return {points("zero", {{0, 0, 0}, {-kInf, kInf, -kInf}}, {2, 2})};
  if (name == "sqrt")
    return {points("edges", {{0, 0, kInf}, {kInf, kInf, 0}, {4, 2, 0.25}, {-1, kNan, kNan}})};
  if (name == "rsqrt") return {points("edges", {{0, kInf, -kInf}, {kInf, 0, -0.0}, {4, 0.5, -0.0625}})};
  if (name == "reciprocal") return {points("edges", {{0, kInf, -kInf}, {-0.0, -kInf, -kInf}, {kInf, 0, 0}})};
  if (name == "exp")
    return {points("edges", {{0, 1, 1}, {-kInf, 0, 0}, {kInf, kInf, kInf}, {kNan, kNan, kNan}})};
  if (name == "log") return {points("edges", {{1, 0, 1}, {0, -kInf, kInf}, {kInf, kInf, 0}, {-1, kNan, -1}})};
  if (name == "expm1")
    return {points("edges", {{0, 0, 1}, {-kInf, -1, 0}, {1e-20, 1e-20, 1}, {kInf, kInf, kInf}})};
  if (name == "log1p")
    return {points("edges", {{0, 0, 1}, {-1, -kInf, kInf}, {1e-20, 1e-20, 1}, {kInf, kInf, 0}})};
  if (name == "sin") return {points("zero", {{0, 0, 1}})};
  if (name == "cos") return {points("zero", {{0, 1, 0}})};
  if (name == "tanh") return {points("edges", {{0, 0, 1}, {kInf, 1, 0}, {-kInf, -1, 0}, {kNan, kNan, kNan}})};
  if (name == "sigmoid")
    return {points("edges", {{0, 0.5, 0.25}, {kInf, 1, 0}, {-kInf, 0, 0}, {-800, 0, 0}})};
  if (name == "silu")
    return {points("edges", {{0, 0, 0.5}, {kInf, kInf, 1}, {-kInf, -0.0, 0}, {kNan, kNan, kNan}})};
  if (name == "silu_slope") return {points("edges", {{0, 0.5, 0.5}, {800, 1, 0}, {-800, 0, 0}})};
  if (name == "gelu_slope")
    return {points("edges",
                   {{0, 0.5, std::numbers::inv_sqrtpi * std::numbers::sqrt2}, {1e30, 1, 0}, {-1e30, 0, 0}}),
            {.label = "infinite", .inputs = {f64({kInf, -kInf}, {2})}, .value = {1, 0}}};
  if (name == "gelu")
    return {points("edges", {{0, 0, 0.5}, {3e38, 3e38, 1}, {-3e38, 0, 0}, {kNan, kNan, kNan}}),
            {.label = "infinite", .inputs = {f64({kInf, -kInf}, {2})}, .value = {kInf, 0}}};
  if (name == "sech") return {points("edges", {{0, 1, 0}, {kInf, 0, 0}, {-kInf, 0, 0}, {kNan, kNan, kNan}})};
  if (name == "erfc") return {points("edges", {{0, 1, -two_over_sqrt_pi}, {kInf, 0, 0}, {-kInf, 2, 0}})};
  if (name == "normal_cdf")
    return {points("edges",
                   {{0, 0.5, 0.5 * two_over_sqrt_pi / std::numbers::sqrt2}, {kInf, 1, 0}, {-kInf, 0, 0}})};
  if (name == "gaussian") return {points("edges", {{0, 1, 0}, {1e300, 0, 0}, {-1e300, 0, 0}})};
  if (name == "erf") return {points("edges", {{0, 0, two_over_sqrt_pi}, {kInf, 1, 0}, {-kInf, -1, 0}})};
  return {};
}

}  // namespace

std::vector<Spec> rows_pointwise_unary() {
  std::vector<Spec> rows;
  for (const Unary& unary : kUnary) {
    const UnaryFunction function = unary.function;
    const UnaryScalar scalar = unary.scalar;
    Spec row{.primitive = unary.name,
             .label = "",
             .build = [function](const std::vector<Tensor>& x) { return function(x[0]); },
             .inputs = {{.shape = {2, 3}, .low = unary.low, .high = unary.high, .avoid = unary.avoid}},
             .analytic = unary.analytic,
             .scalar = [scalar](std::span<const double> x) { return scalar(x[0]); }};
    row.cases = special_points(unary.name);
    rows.push_back(row);
    rows.push_back(reshaped(row, "rank 0", {{}}));
    rows.push_back(reshaped(row, "one element", {{1, 1}}));
    rows.push_back(reshaped(row, "no elements", {{2, 0}}));
  }
  return rows;
}

}  // namespace nabla::spec
