#include "flow/fixed_step.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "engine/engine.h"
#include "flow/gaussian.h"
#include "tests/flow/oscillator.h"
#include "tests/flow/solvers.h"

namespace nabla::flow {
namespace {

// The error of a solver with this many steps on the flow of a Gaussian, whose flow map is known. Not on the
// linear path, where the midpoint method happens to have order 3.
double solver_error(Solver solver, std::int64_t steps, double from, double to) {
  const GaussianField field(tensor<double>({1, -0.5, 0.2}, Shape{3}), tensor<double>({2, 0.3, 0.7}, Shape{3}),
                            std::nullopt, trigonometric_path());
  const TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Tensor x = normal(random_key(1), Shape{4, 3}, DType::f64);
  const Tensor exact = field.flow_map(x, shared_time(from, DType::f64), shared_time(to, DType::f64));
  return reduce_max(abs(integrate(solver, v, x, time_grid(from, to, steps)).x - exact)).item();
}

}  // namespace

TEST_CASE("each solver converges with its order, in both directions") {
  for (const auto& [from, to] : {std::pair{0.0, 1.0}, std::pair{1.0, 0.1}})
    for (const Solver solver : kSolvers) {
      CAPTURE(name_of(solver));
      const double order =
          std::log2(solver_error(solver, 64, from, to) / solver_error(solver, 128, from, to));
      CHECK(order == doctest::Approx(order_of(solver)).epsilon(0.1));
    }
}

TEST_CASE("each solver converges with its order on a nonlinear, coupled equation that knows the time") {
  const Tensor start = oscillator_start();
  const double end = 1.5;
  const auto error = [&](Solver solver, std::int64_t steps) {
    const Tensor x = integrate(solver, &oscillator, start, time_grid(0, end, steps)).x;
    return reduce_max(abs(x - oscillator_at(end))).item();
  };
  for (const Solver solver : kSolvers) {
    CAPTURE(name_of(solver));
    // Pairs of order 5 are made to have small errors of that order, beside which higher ones still show.
    const double order = std::log2(error(solver, 160) / error(solver, 320));
    CHECK(order == doctest::Approx(order_of(solver)).epsilon(order_of(solver) == 5 ? 0.07 : 0.02));
  }
}

TEST_CASE("methods of order p integrate polynomials of t of degree p - 1 exactly") {
  for (const Solver solver : kSolvers) {
    CAPTURE(name_of(solver));
    const int degree = order_of(solver) - 1;
    const TimedField v = [&](const Tensor& x, const Tensor& t) { return x * 0 + pow(t, degree); };
    const Tensor x = zeros(Shape{2, 1}, DType::f64);
    const Tensor end = integrate(solver, v, x, std::vector<double>{1, 0.2, 2}).x;
    const double exact = (std::pow(2, degree + 1) - 1) / (degree + 1);
    CHECK(reduce_max(abs(end - exact)).item() < 4e-14);  // of weights up to 3.3, for a result of 6.4
  }
}

TEST_CASE("the field is called as often as is said") {
  for (const Solver solver : kSolvers) {
    CAPTURE(name_of(solver));
    std::int64_t calls = 0;
    const TimedField v = [&](const Tensor& x, const Tensor&) {
      ++calls;
      return x;
    };
    const Solution solution = integrate(solver, v, ones(Shape{2, 2}), time_grid(0, 1, 5));
    CHECK(calls == 5 * evaluations_per_step(solver));
    CHECK(solution.evaluations == calls);
  }
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
                               })
                         .x;
  CHECK(steps.size() == 10);
  CHECK(steps.back() == 10);
  CHECK(nodes.front() == nodes.back());
  CHECK(reduce_max(abs(end - std::pow(0.9, 10))).item() < 1e-6);
}

TEST_CASE("integration refuses grids and fields that do not fit, and passes a NaN on") {
  const TimedField v = [](const Tensor& x, const Tensor&) { return x; };
  const Tensor x = ones(Shape{2, 3});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(integrate(Solver::euler, v, x, std::vector<double>{0.5}),
                       doctest::Contains("at least two"), Error);
  CHECK_THROWS_WITH_AS(integrate(Solver::euler, v, x, std::vector<double>{0, nan}), doctest::Contains("nan"),
                       Error);
  CHECK_THROWS_WITH_AS(integrate(static_cast<Solver>(9), v, x, time_grid(0, 1, 2)),
                       doctest::Contains("no solver 9"), Error);
  CHECK_THROWS_WITH_AS(integrate(
                           Solver::rk4, [](const Tensor& y, const Tensor&) { return sum(y, {-1}, true); }, x,
                           time_grid(0, 1, 2)),
                       doctest::Contains("[2, 3] to [2, 1]"), Error);
  const Tensor end =
      integrate(
          Solver::heun, [&](const Tensor& y, const Tensor&) { return y * nan; }, x, time_grid(0, 1, 2))
          .x;
  CHECK(std::isnan(end.data<float>()[0]));
}

}  // namespace nabla::flow
