#include <algorithm>
#include <cmath>

#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

using BinaryFunction = Tensor (*)(const Operand&, const Operand&);
using BinaryScalar = double (*)(double, double);

struct Binary {
  const char* name;
  BinaryFunction function;
  BinaryScalar scalar;
  Input left;
  Input right;
  bool analytic = true;
  bool separated = false;
  bool nondifferentiable = false;
};

Input positive() { return real({2, 3}, 0.5, 2.5); }
Input any() { return real({2, 3}); }

std::vector<Binary> functions() {
  Input denominator = any();
  denominator.low = -3;
  denominator.high = 3;
  denominator.avoid = {-0.4, -0.2, 0, 0.2, 0.4};
  return {
      {"add", &add, [](double a, double b) { return a + b; }, any(), any()},
      {"sub", &sub, [](double a, double b) { return a - b; }, any(), any()},
      {"mul", &mul, [](double a, double b) { return a * b; }, any(), any()},
      {"div", &nabla::div, [](double a, double b) { return a / b; }, any(), denominator},
      {"pow", &nabla::pow, [](double a, double b) { return std::pow(a, b); }, positive(), any()},
      {"logaddexp", &logaddexp, [](double a, double b) { return std::log(std::exp(a) + std::exp(b)); }, any(),
       any()},
      {"max", &nabla::max, [](double a, double b) { return std::max(a, b); }, any(), any(), false, true},
      {"min", &nabla::min, [](double a, double b) { return std::min(a, b); }, any(), any(), false, true},
      {"equal", &equal, [](double a, double b) { return a == b ? 1.0 : 0.0; }, any(), any(), false, false,
       true},
      {"not_equal", &not_equal, [](double a, double b) { return a != b ? 1.0 : 0.0; }, any(), any(), false,
       false, true},
      {"less", &less, [](double a, double b) { return a < b ? 1.0 : 0.0; }, any(), any(), false, false, true},
      {"less_equal", &less_equal, [](double a, double b) { return a <= b ? 1.0 : 0.0; }, any(), any(), false,
       false, true},
      {"greater", &greater, [](double a, double b) { return a > b ? 1.0 : 0.0; }, any(), any(), false, false,
       true},
      {"greater_equal", &greater_equal, [](double a, double b) { return a >= b ? 1.0 : 0.0; }, any(), any(),
       false, false, true},
  };
}

// Pairs with value and the two derivatives.
struct PairPoint {
  double a;
  double b;
  double value;
  double by_a;
  double by_b;
};

Case pair_points(const char* label, std::vector<PairPoint> list, bool differentiable = true) {
  std::vector<double> a;
  std::vector<double> b;
  std::vector<double> by_a;
  std::vector<double> by_b;
  Case c{label, {}, {}};
  for (const PairPoint& p : list) {
    a.push_back(p.a);
    b.push_back(p.b);
    c.value.push_back(p.value);
    by_a.push_back(p.by_a);
    by_b.push_back(p.by_b);
  }
  const Shape shape{static_cast<std::int64_t>(a.size())};
  c.inputs = {f64(a, shape), f64(b, shape)};
  if (differentiable) c.along_ones = c.gradient = {by_a, by_b};
  return c;
}

Case comparison(const char* label, std::vector<PairPoint> list) {
  return pair_points(label, std::move(list), false);
}

std::vector<Case> special_pairs(std::string_view name) {
  if (name == "max")
    return {pair_points("ties", {{1, 1, 1, 0.5, 0.5}, {0, -0.0, 0, 0.5, 0.5}, {-kInf, 2, 2, 0, 1}}),
            comparison("NaN", {{kNan, 1, kNan, 0, 0}, {1, kNan, kNan, 0, 0}})};
  if (name == "min")
    return {pair_points("ties", {{1, 1, 1, 0.5, 0.5}, {kInf, kInf, kInf, 0.5, 0.5}, {-1, 2, -1, 1, 0}}),
            comparison("NaN", {{kNan, 1, kNan, 0, 0}, {1, kNan, kNan, 0, 0}})};
  if (name == "div")
    return {
        pair_points("edges", {{1, kInf, 0, 0, -0.0}, {3, 2, 1.5, 0.5, -0.75}, {1, 0, kInf, kInf, -kInf}})};
  if (name == "pow")
    return {pair_points("zero base", {{0, 0, 1, 0, 0}, {0, 1, 0, 1, 0}, {0, 2, 0, 0, 0}, {0, 3, 0, 0, 0}}),
            pair_points("zero exponent",
                        {{2, 0, 1, 0, std::log(2.0)}, {1, 0, 1, 0, 0}, {3, 1, 3, 1, 3 * std::log(3.0)}})};
  if (name == "logaddexp")
    return {pair_points("edges", {{0, 0, std::log(2.0), 0.5, 0.5},
                                  {kInf, 1, kInf, 1, 0},
                                  {-kInf, 3, 3, 0, 1},
                                  {1000, -1000, 1000, 1, 0},
                                  {-1000, -1000, std::log(2.0) - 1000, 0.5, 0.5}}),
            pair_points("equal infinities", {{-kInf, -kInf, -kInf, 0, 0}, {kInf, kInf, kInf, kNan, kNan}})};
  if (name == "equal")
    return {comparison("NaN", {{kNan, kNan, 0, 0, 0}, {1, 1, 1, 0, 0}, {0, -0.0, 1, 0, 0}})};
  if (name == "not_equal")
    return {comparison("NaN", {{kNan, kNan, 1, 0, 0}, {1, 1, 0, 0, 0}, {1, 2, 1, 0, 0}})};
  if (name == "less") return {comparison("NaN", {{kNan, 1, 0, 0, 0}, {1, 1, 0, 0, 0}, {-kInf, 1, 1, 0, 0}})};
  if (name == "less_equal")
    return {comparison("NaN", {{kNan, 1, 0, 0, 0}, {1, 1, 1, 0, 0}, {2, 1, 0, 0, 0}})};
  if (name == "greater")
    return {comparison("NaN", {{kNan, 1, 0, 0, 0}, {1, 1, 0, 0, 0}, {kInf, 1, 1, 0, 0}})};
  if (name == "greater_equal")
    return {comparison("NaN", {{kNan, 1, 0, 0, 0}, {1, 1, 1, 0, 0}, {1, 2, 0, 0, 0}})};
  return {};
}

}  // namespace

std::vector<Spec> rows_pointwise_binary() {
  std::vector<Spec> rows;
  for (const Binary& binary : functions()) {
    const BinaryFunction function = binary.function;
    const BinaryScalar scalar = binary.scalar;
    Spec row{.primitive = binary.name,
             .label = "",
             .build = [function](Args x) { return function(x[0], x[1]); },
             .inputs = {binary.left, binary.right},
             .analytic = binary.analytic,
             .separated = binary.separated,
             .scalar = [scalar](std::span<const double> x) { return scalar(x[0], x[1]); },
             .nondifferentiable = binary.nondifferentiable};
    row.cases = special_pairs(binary.name);
    rows.push_back(row);
    rows.push_back(reshaped(row, "row beside matrix", {{3}, {2, 3}}));
    rows.push_back(reshaped(row, "row and column", {{2, 1}, {1, 3}}));
    rows.push_back(reshaped(row, "scalar beside tensor", {{2, 1, 3}, {}}));
    rows.push_back(reshaped(row, "rank 0", {{}, {}}));
    rows.push_back(reshaped(row, "both compressed", {{1, 3, 1}, {2, 1, 1}}));
    rows.push_back(reshaped(row, "no elements", {{0, 3}, {3}}));
    rows.push_back(reshaped(row, "an axis of none and one of one", {{2, 0}, {2, 1}}));
  }

  // The same tensor in both slots: the two partials must meet in one cotangent.
  rows.push_back({.primitive = "mul",
                  .label = "with itself",
                  .build = [](Args x) { return x[0] * x[0]; },
                  .inputs = {any()}});
  rows.push_back({.primitive = "div",
                  .label = "with itself plus one",
                  .build = [](Args x) { return x[0] / (x[0] + 4); },
                  .inputs = {any()}});
  rows.push_back({.primitive = "pow",
                  .label = "literal exponent",
                  .build = [](Args x) { return nabla::pow(x[0], 3); },
                  .inputs = {any()},
                  .analytic = false,  // a complex power of a negative base turns by pi, which is not a double
                  .scalar = [](std::span<const double> x) { return std::pow(x[0], 3.0); }});
  rows.push_back({.primitive = "pow",
                  .label = "literal base",
                  .build = [](Args x) { return nabla::pow(2, x[0]); },
                  .inputs = {any()},
                  .scalar = [](std::span<const double> x) { return std::pow(2.0, x[0]); }});
  rows.push_back({.primitive = "pow",
                  .label = "with itself",
                  .build = [](Args x) { return nabla::pow(x[0], x[0]); },
                  .inputs = {positive()},
                  .difference_tolerance = 1e-6});
  return rows;
}

}  // namespace nabla::spec
