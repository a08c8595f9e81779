#include <iostream>

#include "uncertainty/uncertainty.h"

using namespace nabla;

int main() {
  // A forward derivative along a direction, and the reverse gradient of the same function.
  const Tensor x = tensor<double>({0.5, -1.0, 2.0}, {3});
  const auto f = [](const Tensor& y) { return sum(sin(y) * exp(y)); };
  std::cout << "df along ones " << jvp(f, x, ones_like(x)).tangent << "\n";
  std::cout << "gradient      " << grad(f, x) << "\n";

  // Three data points and the exact velocity field that carries noise (t = 0) to them (t = 1).
  const flow::EmpiricalField field(tensor<double>({-1, 0, 1, 1, 2, -1}, {3, 2}));
  const auto v = [&](const Tensor& at, const Tensor& time) { return field.velocity(at, time); };
  const Tensor xt = tensor<double>({0.2, 0.1, 0.9, 0.3}, {2, 2});  // two noisy samples ..
  const Tensor t = flow::shared_time(0.4, DType::f64);             // .. at time 0.4

  // Its exact divergence, and what that says about the data behind each sample.
  std::cout << "divergence    " << divergence([&](const Tensor& at) { return v(at, t); }, xt) << "\n";
  const uncertainty::Posterior posterior = uncertainty::posterior(v, flow::linear_path(), xt, t);
  std::cout << "variance      " << posterior.variance() << "\n";
  std::cout << "its trace     " << posterior.trace() << "\n";

  // What such a divergence costs, before it is computed: operations, bytes and memory of every step.
  std::cout << "\n" << explain(divergence([&](const Tensor& at) { return v(at, t); }, xt));
}
