#include "flow/sample.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "flow/gaussian.h"

namespace nabla::flow {
namespace {

// The error of a solver with this many steps on the flow of a Gaussian, whose flow map is known.
double solver_error(Solver solver, std::int64_t steps, double from, double to) {
  const GaussianField field(tensor<double>({1, -0.5, 0.2}, Shape{3}),
                            tensor<double>({2, 0.3, 0.7}, Shape{3}));
  const TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Tensor x = normal(random_key(1), Shape{4, 3}, DType::f64);
  const Tensor exact = field.flow_map(x, shared_time(from, DType::f64), shared_time(to, DType::f64));
  return reduce_max(abs(integrate(solver, v, x, time_grid(from, to, steps)) - exact)).item();
}

}  // namespace

TEST_CASE("Euler's method converges with order 1 and Heun's with order 2, in both directions") {
  for (const auto& [from, to] : {std::pair{0.0, 1.0}, std::pair{1.0, 0.1}}) {
    const double euler =
        std::log2(solver_error(Solver::euler, 64, from, to) / solver_error(Solver::euler, 128, from, to));
    const double heun =
        std::log2(solver_error(Solver::heun, 64, from, to) / solver_error(Solver::heun, 128, from, to));
    CHECK(euler == doctest::Approx(1).epsilon(0.1));
    CHECK(heun == doctest::Approx(2).epsilon(0.1));
  }
}

TEST_CASE("a grid runs from end to end") {
  CHECK(time_grid(0, 1, 4) == std::vector<double>{0, 0.25, 0.5, 0.75, 1});
  CHECK(time_grid(1, 0, 2) == std::vector<double>{1, 0.5, 0});
  CHECK_THROWS_WITH_AS(time_grid(0, 1, 0), doctest::Contains("at least one"), Error);
}

TEST_CASE("integration reports each step, does not let the graph grow, and works on images") {
  const TimedField v = [](const Tensor& x, const Tensor&) { return x * -1; };
  const Tensor x = ones(Shape{2, 3, 3});
  std::vector<std::int64_t> steps;
  std::vector<std::size_t> nodes;
  const Tensor end = integrate(Solver::euler, v, x, time_grid(0, 1, 10),
                               [&](std::int64_t done, std::int64_t total, const Tensor& state) {
                                 CHECK(total == 10);
                                 CHECK(state.shape() == x.shape());
                                 steps.push_back(done);
                                 nodes.push_back(live_node_count());
                               });
  CHECK(steps.size() == 10);
  CHECK(steps.back() == 10);
  CHECK(nodes.front() == nodes.back());
  CHECK(reduce_max(abs(end - std::pow(0.9, 10))).item() < 1e-6);
  CHECK_THROWS_WITH_AS(integrate(Solver::euler, v, x, std::vector<double>{0.5}),
                       doctest::Contains("at least two"), Error);
}

}  // namespace nabla::flow
