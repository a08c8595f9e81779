#include <cmath>
#include <iostream>

#include "uncertainty/uncertainty.h"

using namespace nabla;

// Fails unless a gradient and a posterior trace come out as they do on paper.
int main() {
  const double slope = grad([](const Tensor& x) { return sum(x * x * x); }, tensor<double>({2}, {1})).item();

  // The field that carries noise to N(0, I). There S = ((1-t)^2 / (t^2 + (1-t)^2)) I, with trace 1.8 at t =
  // 1/4.
  const auto v = [](const Tensor& x, const Tensor& t) {
    return (2 * t - 1) / (t * t + (1 - t) * (1 - t)) * x;
  };
  const Tensor x = tensor<double>({0.3, -1.2}, {1, 2});
  const double trace =
      uncertainty::posterior(v, flow::linear_path(), x, flow::shared_time(0.25, DType::f64)).trace().item();

  std::cout << "gradient " << slope << ", posterior trace " << trace << "\n";
  return std::abs(slope - 12) < 1e-12 && std::abs(trace - 1.8) < 1e-12 ? 0 : 1;
}
