#include <limits>

#include "tests/engine/numbers.h"

// Derivatives of high order at the points where rules usually go wrong: there an infinity or a kink in a
// branch not taken would come back multiplied by 0.

namespace nabla::test {
namespace {

constexpr double kDoubleMax = std::numeric_limits<double>::max();

ScalarFunction pushed(const ScalarFunction& f) {
  return [f](const Tensor& x) { return jvp(f, x, ones_like(x)).tangent; };
}

struct Mode {
  const char* name;
  ScalarFunction (*derivative)(const ScalarFunction&);
};
constexpr Mode kModes[] = {{"reverse", [](const ScalarFunction& f) { return grad(f); }},
                           {"forward", &pushed}};

}  // namespace

TEST_CASE("softplus is smooth at 0 in every composition of the modes") {
  const ScalarFunction f = [](const Tensor& x) { return softplus(x); };
  const Tensor zero = f64({0}, {});
  for (const Mode& inner : kModes) {
    const ScalarFunction first = inner.derivative(f);
    INFO("inner ", std::string(inner.name));
    CHECK(first(zero).item() == 0.5);
    for (const Mode& outer : kModes) {
      INFO("outer ", std::string(outer.name));
      const ScalarFunction second = outer.derivative(first);
      CHECK(second(zero).item() == 0.25);
      // The fourth derivative is -1/8, the third 0.
      CHECK(std::abs(outer.derivative(second)(zero).item()) < 1e-15);
      CHECK(inner.derivative(outer.derivative(second))(zero).item() == doctest::Approx(-0.125));
    }
  }
}

TEST_CASE("softplus far out does not overflow") {
  const Tensor x = f64({1000, -1000, kDoubleMax, -kDoubleMax}, {4});
  CHECK(values(softplus(x)) == std::vector<double>{1000, 0, kDoubleMax, 0});
  CHECK(values(softplus(cast(slice(x, 0, 0, 2), DType::f32))) == std::vector<double>{1000, 0});
  const auto total = [](const Tensor& v) { return sum(softplus(v)); };
  CHECK(values(grad(total, x)) == std::vector<double>{1, 0, 1, 0});
  CHECK(values(hvp(total, x, ones_like(x))) == std::vector<double>{0, 0, 0, 0});
}

TEST_CASE("powers have finite derivatives of every order at 0") {
  for (const double exponent : {0.0, 1.0, 2.0}) {
    const Tensor power = f64({exponent}, {});
    for (const bool by_literal : {true, false})
      for (const Mode& inner : kModes)
        for (const Mode& outer : kModes) {
          INFO("exponent ", exponent, by_literal ? " as a literal, " : " as a tensor, ",
               std::string(inner.name), " in ", std::string(outer.name));
          ScalarFunction f = [&](const Tensor& x) { return by_literal ? pow(x, exponent) : pow(x, power); };
          double expected = 1;
          for (int order = 0; order <= 4; ++order) {
            CHECK(f(f64({0}, {})).item() == (order == static_cast<int>(exponent) ? expected : 0.0));
            expected *= order + 1;
            f = order % 2 == 0 ? inner.derivative(f) : outer.derivative(f);
          }
        }
  }
}

}  // namespace nabla::test
