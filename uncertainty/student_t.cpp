#include "uncertainty/student_t.h"

#include <cmath>
#include <numbers>
#include <string>

#include "engine/tensor/error.h"
#include "flow/gauss_legendre.h"

namespace nabla::uncertainty {

double student_t_95(std::int64_t degrees) {
  if (degrees < 1)
    throw Error("student_t_95: " + std::to_string(degrees) +
                " degrees of freedom; there must be one at least");
  // With t = sqrt(n) tan(a), P(|T| <= t) is the integral of cos^(n-1) from -a to a over that from -pi/2 to
  // pi/2.
  const double n = static_cast<double>(degrees);
  const double whole = std::sqrt(std::numbers::pi) * std::exp(std::lgamma(n / 2) - std::lgamma((n + 1) / 2));
  const flow::Quadrature rule = flow::gauss_legendre(32);
  const auto probability = [&](double t) {
    const double angle = std::atan(t / std::sqrt(n));
    double integral = 0;
    for (std::size_t i = 0; i < rule.nodes.size(); ++i)
      integral += rule.weights[i] * std::pow(std::cos(angle * rule.nodes[i]), n - 1);
    return 2 * angle * integral / whole;
  };
  double low = 1.9, high = 13;
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = (low + high) / 2;
    (probability(middle) < 0.95 ? low : high) = middle;
  }
  return high;
}

}  // namespace nabla::uncertainty
