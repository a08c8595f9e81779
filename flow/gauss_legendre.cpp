#include "flow/gauss_legendre.h"

#include <cmath>
#include <numbers>
#include <string>

#include "engine/tensor/error.h"

namespace nabla::flow {
namespace {

struct Legendre {
  double value, rate;
};

// The Legendre polynomial of this degree and its derivative, by the three-term recurrence; |x| < 1.
Legendre legendre(std::int64_t degree, double x) {
  double before = 1, value = x;
  for (std::int64_t k = 2; k <= degree; ++k) {
    const double n = static_cast<double>(k);
    const double next = ((2 * n - 1) * x * value - (n - 1) * before) / n;
    before = value;
    value = next;
  }
  return {value, static_cast<double>(degree) * (x * value - before) / (x * x - 1)};
}

}  // namespace

Quadrature gauss_legendre(std::int64_t count) {
  if (count < 1)
    throw Error("gauss_legendre: " + std::to_string(count) + " nodes; there must be at least one");
  Quadrature rule;
  for (std::int64_t i = 0; i < count; ++i) {
    // Newton's method from the asymptotic place of the zero; it converges in a few turns.
    double x =
        -std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (static_cast<double>(count) + 0.5));
    for (int turn = 0; turn < 50; ++turn) {
      const Legendre at = legendre(count, x);
      const double change = at.value / at.rate;
      x -= change;
      if (std::abs(change) < 1e-16) break;
    }
    const double rate = legendre(count, x).rate;
    rule.nodes.push_back((x + 1) / 2);
    rule.weights.push_back(1 / ((1 - x * x) * rate * rate));
  }
  return rule;
}

std::vector<double> legendre_coefficients(const Quadrature& rule) {
  std::vector<double> matrix;
  for (std::size_t k = 0; k < rule.nodes.size(); ++k)
    for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
      const double value = k == 0 ? 1 : legendre(static_cast<std::int64_t>(k), 2 * rule.nodes[i] - 1).value;
      matrix.push_back(static_cast<double>(2 * k + 1) * rule.weights[i] * value);
    }
  return matrix;
}

}  // namespace nabla::flow
