#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "tests/engine/numbers.h"

// All derivatives of a^b up to order three, by every order of the variables and every mode, against the
// closed form: d^i/da^i d^j/db^j a^b = sum over k of C(j, k) p_i^(j-k)(b) log(a)^k a^(b-i), where
// p_i(b) = b (b-1) .. (b-i+1).

namespace nabla::test {
namespace {

struct Point {
  double a, b;
};

// Derivative `order` of p_i at b.
double falling(int i, int order, double b) {
  constexpr double kCoefficients[4][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, -1, 1, 0}, {0, 2, -3, 1}};
  double sum = 0;
  for (int n = order; n < 4; ++n) {
    double factor = kCoefficients[i][n];
    for (int k = 0; k < order; ++k) factor *= n - k;
    if (factor != 0) sum += factor * std::pow(b, n - order);
  }
  return sum;
}

double expected(Point p, int i, int j) {
  if (p.a == 0 && j > 0) return 0;  // the convention
  const double polynomial = falling(i, 0, p.b);
  if (j == 0) return polynomial == 0 ? 0 : polynomial * std::pow(p.a, p.b - i);
  double sum = 0;
  for (int k = 0, binomial = 1; k <= j; binomial = binomial * (j - k) / (k + 1), ++k)
    sum += binomial * falling(i, j - k, p.b) * std::pow(std::log(p.a), k);
  return sum * std::pow(p.a, p.b - i);
}

// Each element's own derivative: y is pointwise in x.
Tensor derivative(bool forward, const Tensor& y, const Tensor& x) {
  const Tensor one = ones_like(x);
  return (forward ? jvp(y, x, one) : vjp(y, x, one)).value_or(zeros_like(x));
}

// Derivatives of y by every sequence of up to `most` variables; `at` counts those taken by a and by b.
void check_all(const Tensor& y, const Tensor& a, const Tensor& b, const std::vector<Point>& points, int i,
               int j, const std::string& how) {
  const std::vector<double> got = values(y);
  for (std::size_t k = 0; k < points.size(); ++k) {
    INFO("d", how, " at (", points[k].a, ", ", points[k].b, ")");
    const double right = expected(points[k], i, j);
    if (std::isinf(right) || std::isnan(right))
      CHECK(std::isnan(right) == std::isnan(got[k]));
    else
      CHECK(std::abs(got[k] - right) <= 1e-13 * std::max(1.0, std::abs(right)));
  }
  if (i + j == 3) return;
  for (const bool forward : {true, false}) {
    const std::string mode = forward ? " forward" : " reverse";
    check_all(derivative(forward, y, a), a, b, points, i + 1, j, how + mode + " a");
    check_all(derivative(forward, y, b), a, b, points, i, j + 1, how + mode + " b");
  }
}

void check_at(const std::vector<Point>& points) {
  std::vector<double> bases, exponents;
  for (const Point& p : points) {
    bases.push_back(p.a);
    exponents.push_back(p.b);
  }
  const Shape shape{static_cast<std::int64_t>(points.size())};
  const Tensor a = f64(bases, shape), b = f64(exponents, shape);
  check_all(pow(a, b), a, b, points, 0, 0, "");
}

}  // namespace

TEST_CASE("derivatives of pow are right to order three where the exponent is 0 and elsewhere") {
  check_at({{2, 0}, {3, 0}, {0.5, 0}, {1, 0}, {2, 1}, {2, 2}, {1, 3}, {2.5, -1.5}, {0.25, 3}, {1e-3, 0}});
}

TEST_CASE("the exponent is a constant where the base of pow is 0") {
  check_at({{0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 3.5}, {-0.0, 0}, {-0.0, 2}});
}

TEST_CASE("derivatives of pow by a negative base are right for integer exponents, by its exponent NaN") {
  check_at({{-2, 0}, {-2, 1}, {-2, 2}, {-2, 3}, {-3, 4}, {-2, -1}});
}

TEST_CASE("the gradient of a divergence by an exponent of 0 is right") {
  // div x^p = sum p x^(p-1), of which the derivative by p at p = 0 is sum 1 / x.
  const Tensor x = f64({0.5, 2, 4, 1, 3, 8}, {2, 3}), p = f64({0}, {1, 1});
  const Tensor d = divergence([&](const Tensor& at) { return pow(at, p); }, x);
  CHECK(gradients(sum(d), {p})[0].item() == doctest::Approx(2 + 0.5 + 0.25 + 1 + 1. / 3 + 0.125));
}

TEST_CASE("a base too small to divide by leaves the gradient finite where the exponent is 0") {
  const Tensor a = f64({5e-324, 1e-310, -1e-320}, {3});
  CHECK(values(gradients(sum(pow(a, f64({0}, {1}))), {a})[0]) == std::vector<double>{0, 0, 0});
}

}  // namespace nabla::test
