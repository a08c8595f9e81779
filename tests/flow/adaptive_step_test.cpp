#include "flow/adaptive_step.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "engine/engine.h"
#include "flow/fixed_step.h"
#include "flow/gaussian.h"
#include "tests/flow/oscillator.h"
#include "tests/flow/solvers.h"

namespace nabla::flow {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

GaussianField gaussian() {
  return GaussianField(tensor<double>({1, -0.5, 0.2}, Shape{3}), tensor<double>({2, 0.01, 0.7}, Shape{3}));
}

// The result on the flow of a Gaussian, and its error.
struct Run {
  AdaptiveSolution solution;
  double error;
};
Run run(double from, double to, const AdaptiveOptions& options) {
  const GaussianField field = gaussian();
  const Tensor x = normal(random_key(1), Shape{4, 3}, DType::f64);
  const Tensor exact = field.flow_map(x, shared_time(from, DType::f64), shared_time(to, DType::f64));
  AdaptiveSolution solution = integrate_adaptive(
      [&](const Tensor& y, const Tensor& t) { return field.velocity(y, t); }, x, from, to, options);
  const double error = reduce_max(abs(solution.x - exact)).item();
  return {std::move(solution), error};
}

AdaptiveOptions tolerance(double value) { return {.rtol = value, .atol = value}; }

// Steps of a given length, whatever the error.
AdaptiveOptions fixed_steps(Solver solver, double length) {
  return {.solver = solver, .rtol = 1e6, .atol = 1e6, .first_step = length, .max_step = length};
}

// dx/dt = -rate x with a rate that each sample carries in its second element.
Tensor decay(const Tensor& x, const Tensor&) {
  const Tensor rate = x({all, range(1, 2)});
  return concatenate({x({all, range(0, 1)}) * -1 * rate, rate * 0}, 1);
}

}  // namespace

TEST_CASE("samples without elements are done at once, and a pulse is seen with steps of its width") {
  const AdaptiveSolution none =
      integrate_adaptive([](const Tensor& x, const Tensor&) { return x; }, zeros(Shape{2, 0}), 0, 1);
  CHECK(none.done());
  CHECK(none.x.shape() == Shape{2, 0});
  CHECK(none.rejected == std::vector<std::int64_t>{0, 0});
  // A pulse of area 1 around .7, a hundredth wide.
  const TimedField pulse = [](const Tensor& x, const Tensor& t) {
    return exp(square((t - 0.7) / 0.004) * -0.5) / (0.004 * std::sqrt(2 * std::numbers::pi)) + x * 0;
  };
  const Tensor x = zeros(Shape{1, 1}, DType::f64);
  CHECK(integrate_adaptive(pulse, x, 0, 1, {.max_step = 0.01}).x.item() == doctest::Approx(1).epsilon(1e-4));
}

TEST_CASE("the error follows the tolerance, in both directions") {
  for (const auto& [from, to] : {std::pair{0.0, 1.0}, std::pair{1.0, 0.0}}) {
    std::int64_t steps = 0;
    for (const double allowed : {1e-4, 1e-6, 1e-8, 1e-10}) {
      CAPTURE(allowed);
      const Run result = run(from, to, tolerance(allowed));
      CHECK(result.solution.done());
      CHECK(result.solution.time == std::vector<double>(4, to));
      CHECK(result.error < 20 * allowed);
      CHECK(result.error > 1e-4 * allowed);
      CHECK(result.solution.accepted[0] > steps);
      steps = result.solution.accepted[0];
    }
  }
}

TEST_CASE(
    "every solver keeps the tolerance on a nonlinear equation that knows the time, with fewer steps at order "
    "5") {
  const double end = 2;
  std::int64_t cubic_calls = 0;
  for (const Solver solver : kEmbedded) {
    CAPTURE(name_of(solver));
    double before = 1;
    for (const double allowed : {1e-4, 1e-6, 1e-8}) {
      CAPTURE(allowed);
      const AdaptiveSolution result =
          integrate_adaptive(&oscillator, oscillator_start(), 0, end,
                             {.solver = solver, .rtol = allowed, .atol = allowed, .max_steps = 3000});
      CHECK(result.done());
      const double error = reduce_max(abs(result.x - oscillator_at(end))).item();
      CHECK(error < 30 * allowed);
      CHECK(error < before / 10);
      before = error;
      if (allowed > 1e-8) continue;
      if (solver == Solver::bogacki_shampine)
        cubic_calls = result.evaluations;
      else
        CHECK(4 * result.evaluations < cubic_calls);
    }
  }
}

TEST_CASE("with steps of one length each solver converges with its order") {
  for (const Solver solver : kEmbedded)
    for (const auto& [from, to] : {std::pair{0.0, 1.0}, std::pair{1.0, 0.1}}) {
      CAPTURE(name_of(solver));
      const Run coarse = run(from, to, fixed_steps(solver, 1. / 100));
      const Run fine = run(from, to, fixed_steps(solver, 1. / 200));
      CHECK(fine.solution.accepted[0] == (to == 1 ? 200 : 180));
      CHECK(fine.solution.rejected[0] == 0);
      CHECK(std::log2(coarse.error / fine.error) == doctest::Approx(order_of(solver)).epsilon(0.1));
    }
}

TEST_CASE("steps of one length are those of the grid, whose solver leaves the last stage out") {
  for (const Solver solver : kEmbedded) {
    CAPTURE(name_of(solver));
    const AdaptiveSolution adaptive =
        integrate_adaptive(&oscillator, oscillator_start(), 0, 1, fixed_steps(solver, 1. / 16));
    const Solution fixed = integrate(solver, &oscillator, oscillator_start(), time_grid(0, 1, 16));
    CHECK(adaptive.x.to_vector<double>() == fixed.x.to_vector<double>());
    CHECK(adaptive.evaluations == fixed.evaluations + 1);
  }
}

TEST_CASE(
    "evaluations are those of a step for an attempt, one for the first slope and one for the first step") {
  for (const Solver solver : kEmbedded) {
    CAPTURE(name_of(solver));
    const int each = evaluations_per_step(solver);
    std::int64_t calls = 0;
    const TimedField v = [&](const Tensor& x, const Tensor& t) {
      ++calls;
      CHECK(t.shape() == Shape{2, 1});
      return decay(x, t);
    };
    const Tensor x = tensor<double>({1, 2, 1, 2}, Shape{2, 2});
    const AdaptiveSolution derived = integrate_adaptive(v, x, 0, 1, {.solver = solver});
    CHECK(derived.evaluations == calls);
    CHECK(calls == 2 + each * (derived.accepted[0] + derived.rejected[0]));
    calls = 0;
    const AdaptiveSolution given = integrate_adaptive(v, x, 0, 1, {.solver = solver, .first_step = 0.01});
    CHECK(given.evaluations == calls);
    CHECK(calls == 1 + each * (given.accepted[0] + given.rejected[0]));
    calls = 0;
    const AdaptiveSolution none = integrate_adaptive(v, x, 0.5, 0.5, {.solver = solver});
    CHECK(none.done());
    CHECK(calls == 0);
    CHECK(none.x.to_vector<double>() == x.to_vector<double>());
  }
}

TEST_CASE("the field is asked inside of the interval only, also where from + (to - from) is beyond to") {
  for (const auto& [from, to] :
       {std::pair{0.0, 1.0}, std::pair{1.0, 0.0}, std::pair{-0.2, 0.9}, std::pair{0.8, 0.1}}) {
    const TimedField v = [&, low = std::min(from, to), high = std::max(from, to)](const Tensor& x,
                                                                                  const Tensor& t) {
      CHECK(reduce_min(t).item() >= low);
      CHECK(reduce_max(t).item() <= high);
      return x * t;
    };
    const Tensor x = ones(Shape{2, 2}, DType::f64);
    for (const Solver solver : kEmbedded) {
      CHECK(integrate_adaptive(v, x, from, to, {.solver = solver}).done());
      CHECK(integrate_adaptive(v, x, from, to, fixed_steps(solver, 2)).accepted[0] == 1);
    }
    for (const Solver solver : kSolvers) integrate(solver, v, x, std::vector<double>{from, to});
  }
}

TEST_CASE("a sample's steps and result do not depend on its batch") {
  const Tensor both = tensor<double>({1, 1, 1, 200}, Shape{2, 2});
  for (const Solver solver : kEmbedded) {
    CAPTURE(name_of(solver));
    const AdaptiveSolution together = integrate_adaptive(&decay, both, 0, 1, {.solver = solver});
    CHECK(together.done());
    CHECK(together.accepted[1] > 3 * together.accepted[0]);
    for (std::int64_t i = 0; i < 2; ++i) {
      const AdaptiveSolution alone =
          integrate_adaptive(&decay, both({range(i, i + 1)}), 0, 1, {.solver = solver});
      const std::size_t at = i;
      CHECK(alone.accepted[0] == together.accepted[at]);
      CHECK(alone.rejected[0] == together.rejected[at]);
      CHECK(alone.x.to_vector<double>() == together.x({range(i, i + 1)}).to_vector<double>());
    }
  }
}

TEST_CASE("a step limit keeps what there is, and the other samples finish") {
  const Tensor x = tensor<double>({1, 1, 1, 2000}, Shape{2, 2});
  const AdaptiveSolution result = integrate_adaptive(&decay, x, 0, 1, {.max_steps = 40});
  CHECK_FALSE(result.done());
  CHECK(result.status == std::vector<Status>{Status::done, Status::step_limit});
  CHECK(result.accepted[1] + result.rejected[1] == 40);
  CHECK(result.time[0] == 1);
  CHECK(result.time[1] > 0);
  CHECK(result.time[1] < 1);
  CHECK(result.x.data<double>()[0] == doctest::Approx(std::exp(-1)).epsilon(1e-4));
  CHECK(result.x.data<double>()[2] == doctest::Approx(std::exp(-2000 * result.time[1])).epsilon(1e-3));
}

TEST_CASE("a field that turns NaN stops its sample before that, and the others finish") {
  // The second sample's field does not exist after t = 0.6, the third one's nowhere.
  const Tensor end = tensor<double>({2, 0.6, -1}, Shape{3, 1});
  const TimedField v = [&](const Tensor& x, const Tensor& t) { return x + sqrt(end - t) * 0; };
  const Tensor x = ones(Shape{3, 2}, DType::f64);
  const AdaptiveSolution result = integrate_adaptive(v, x, 0, 1);
  CHECK(result.status == std::vector<Status>{Status::done, Status::not_finite, Status::not_finite});
  CHECK(result.time[0] == 1);
  CHECK(result.time[1] == doctest::Approx(0.6).epsilon(1e-9));
  CHECK(result.time[1] <= 0.6);
  CHECK(result.time[2] == 0);
  CHECK(result.accepted[2] + result.rejected[2] == 0);
  const std::vector<double> values = result.x.to_vector<double>();
  CHECK(values[0] == doctest::Approx(std::exp(1)).epsilon(1e-4));
  CHECK(values[2] == doctest::Approx(std::exp(0.6)).epsilon(1e-4));
  CHECK(values[4] == 1);
  // So does a state that is not a number, and one that overflows.
  CHECK(integrate_adaptive(v, x * kNan, 0, 1).status == std::vector<Status>(3, Status::not_finite));
  const AdaptiveSolution blown =
      integrate_adaptive([](const Tensor& y, const Tensor&) { return y * 1000; }, ones(Shape{1, 1}), 0, 1);
  CHECK(blown.status[0] == Status::not_finite);
  CHECK(std::isfinite(blown.x.item()));
  const AdaptiveSolution beyond = integrate_adaptive(
      [](const Tensor& y, const Tensor&) { return full(y.shape(), 3e38); }, full(Shape{1, 1}, 3e38), 0, 1);
  CHECK(beyond.status[0] == Status::not_finite);
  CHECK(std::isfinite(beyond.x.item()));
}

TEST_CASE("steps that the type cannot resolve end in an underflow") {
  // x' = x^2 from 1 is 1 / (1 - t), which leaves every bound at 1.
  const TimedField v = [](const Tensor& x, const Tensor&) { return square(x); };
  for (const DType type : {DType::f32, DType::f64}) {
    const AdaptiveSolution result = integrate_adaptive(v, ones(Shape{1, 1}, type), 0, 2);
    CHECK(result.status[0] == Status::step_underflow);
    CHECK(result.time[0] == doctest::Approx(1).epsilon(1e-3));
    CHECK(result.x.item() > (type == DType::f32 ? 1e4 : 1e12));
    CHECK(result.accepted[0] + result.rejected[0] < 500);
  }
}

TEST_CASE("f32 keeps the tolerance") {
  const GaussianField field(tensor<float>({1, -0.5}, Shape{2}), tensor<float>({2, 0.1F}, Shape{2}));
  const Tensor x = normal(random_key(1), Shape{4, 2});
  const Tensor exact = field.flow_map(x, shared_time(0, DType::f32), shared_time(1, DType::f32));
  const AdaptiveSolution result =
      integrate_adaptive([&](const Tensor& y, const Tensor& t) { return field.velocity(y, t); }, x, 0, 1);
  CHECK(result.done());
  CHECK(result.x.dtype() == DType::f32);
  CHECK(reduce_max(abs(result.x - exact)).item() < 1e-4);
}

TEST_CASE("the graph does not grow with the number of steps") {
  std::vector<std::size_t> nodes;
  const TimedField v = [&](const Tensor& x, const Tensor& t) {
    nodes.push_back(live_node_count());
    return decay(x, t);
  };
  integrate_adaptive(v, tensor<double>({1, 50}, Shape{1, 2}), 0, 1);
  REQUIRE(nodes.size() > 100);
  CHECK(nodes.back() == nodes[nodes.size() - 61]);
}

TEST_CASE("an adaptive integration works on images and on an empty batch") {
  const TimedField v = [](const Tensor& x, const Tensor&) { return x * -1; };
  const AdaptiveSolution images = integrate_adaptive(v, ones(Shape{2, 3, 4}), 0, 1);
  CHECK(images.x.shape() == Shape{2, 3, 4});
  CHECK(reduce_max(abs(images.x - std::exp(-1))).item() < 1e-4);
  const AdaptiveSolution empty = integrate_adaptive(v, zeros(Shape{0, 3}), 0, 1);
  CHECK(empty.done());
  CHECK(empty.x.shape() == Shape{0, 3});
}

TEST_CASE("an adaptive integration refuses arguments that do not fit") {
  const TimedField v = [](const Tensor& x, const Tensor&) { return x; };
  const Tensor x = ones(Shape{2, 3});
  CHECK_THROWS_WITH_AS(integrate_adaptive(v, ones(Shape{2}), 0, 1), doctest::Contains("[2]"), Error);
  CHECK_THROWS_WITH_AS(integrate_adaptive(v, ones(Shape{2, 3}, DType::i32), 0, 1), doctest::Contains("i32"),
                       Error);
  CHECK_THROWS_WITH_AS(integrate_adaptive(v, x, 0, 1, {.solver = Solver::rk4}),
                       doctest::Contains("rk4 does not estimate its error"), Error);
  CHECK_THROWS_WITH_AS(integrate_adaptive(v, x, 0, 1, {.solver = static_cast<Solver>(9)}),
                       doctest::Contains("no solver 9"), Error);
  CHECK_THROWS_WITH_AS(integrate_adaptive(v, x, 0, kNan), doctest::Contains("finite"), Error);
  CHECK_THROWS_WITH_AS(integrate_adaptive(v, x, 0, 1, {.rtol = 0, .atol = 0}),
                       doctest::Contains("tolerances"), Error);
  CHECK_THROWS_WITH_AS(integrate_adaptive(v, x, 0, 1, {.rtol = kNan}), doctest::Contains("tolerances"),
                       Error);
  CHECK_THROWS_WITH_AS(integrate_adaptive(v, x, 0, 1, {.first_step = -1}), doctest::Contains("first_step"),
                       Error);
  CHECK_THROWS_WITH_AS(integrate_adaptive(v, x, 0, 1, {.max_step = 0}), doctest::Contains("max_step"), Error);
  CHECK_THROWS_WITH_AS(integrate_adaptive(v, x, 0, 1, {.max_steps = 0}), doctest::Contains("max_steps"),
                       Error);
  CHECK_THROWS_WITH_AS(
      integrate_adaptive([](const Tensor& y, const Tensor&) { return sum(y, {-1}, true); }, x, 0, 1),
      doctest::Contains("[2, 3] to [2, 1]"), Error);
}

TEST_CASE("statuses have names") {
  CHECK(name_of(Status::done) == "done");
  CHECK(name_of(Status::step_limit) == "step limit");
  CHECK(name_of(Status::step_underflow) == "step underflow");
  CHECK(name_of(Status::not_finite) == "not finite");
}

}  // namespace nabla::flow
