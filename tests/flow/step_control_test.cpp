#include "flow/step_control.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace nabla::flow {
namespace {

// The length of the next attempt.
double length(const StepControl& control) { return std::abs(control.next_time() - control.time()); }

StepControl control(double from, double to, const AdaptiveOptions& options = {}, double first = 1e-3) {
  StepControl result(from, to, options, DType::f64);
  result.start(first);
  return result;
}

}  // namespace

TEST_CASE("steps change by factors between a fifth and five, and do not grow behind a rejection") {
  StepControl grows = control(0, 1);
  CHECK(grows.judge(0));
  CHECK(length(grows) == doctest::Approx(5e-3));
  CHECK(grows.judge(1e-9));
  CHECK(length(grows) == doctest::Approx(25e-3));

  StepControl shrinks = control(0, 1);
  CHECK_FALSE(shrinks.judge(1e9));
  CHECK(shrinks.time() == 0);
  CHECK(length(shrinks) == doctest::Approx(0.2e-3));
  CHECK_FALSE(shrinks.judge(std::numeric_limits<double>::quiet_NaN()));
  CHECK(length(shrinks) == doctest::Approx(0.04e-3));
  CHECK(shrinks.judge(1e-9));
  CHECK(length(shrinks) == doctest::Approx(0.04e-3));
  CHECK(shrinks.judge(1e-9));
  CHECK(length(shrinks) == doctest::Approx(0.2e-3));
  CHECK(shrinks.accepted() == 2);
  CHECK(shrinks.rejected() == 2);
}

TEST_CASE("a step is what the error and the one before ask for") {
  // 0.9 error^-0.17 last^0.04, after the first accepted step had the error 1/2.
  StepControl pi = control(0, 1);
  CHECK(pi.judge(0.5));
  const double first = 1e-3 * 0.9 * std::pow(0.5, -0.17) * std::pow(1e-4, 0.04);
  CHECK(length(pi) == doctest::Approx(first));
  CHECK(pi.judge(0.25));
  CHECK(length(pi) == doctest::Approx(first * 0.9 * std::pow(0.25, -0.17) * std::pow(0.5, 0.04)));
}

TEST_CASE("a solver of order 3 answers to an error with its third root") {
  StepControl steps = control(0, 1, {.solver = Solver::bogacki_shampine});
  CHECK(steps.judge(0.5));
  CHECK(length(steps) == doctest::Approx(1e-3 * 0.9 * std::pow(0.5, 0.03 - 1. / 3) * std::pow(1e-4, 0.04)));
}

TEST_CASE("the last step ends at the end, in both directions, without a splinter") {
  for (const double to : {1.0, -1.0}) {
    StepControl steps = control(0, to, {.max_step = 0.4975});
    steps.judge(1e-9);
    CHECK(steps.direction() == to);
    while (length(steps) < 0.4) steps.judge(1e-9);
    while (steps.running()) {
      CHECK(length(steps) < 0.4975 * 1.01);
      steps.judge(1e-9);
    }
    CHECK(steps.status() == Status::done);
    CHECK(steps.time() == to);
  }
  StepControl nearly = control(0, 1, {}, 0.995);
  CHECK(nearly.next_time() == 1);
  StepControl nothing = control(0.5, 0.5);
  CHECK(nothing.status() == Status::done);
  CHECK(nothing.next_time() == 0.5);
}

TEST_CASE("steps end where the type cannot resolve them, and at the limit") {
  for (const DType type : {DType::f32, DType::f64}) {
    const double rounding = type == DType::f32 ? 0x1p-23 : 0x1p-52;
    StepControl steps(1, 0, {}, type);
    steps.start(0);
    CHECK(length(steps) == doctest::Approx(10 * rounding).epsilon(0.01));
    CHECK_FALSE(steps.judge(2));
    CHECK(steps.status() == Status::step_underflow);
    CHECK(steps.next_time() == 1);
  }
  StepControl bad = control(0, 1, {}, 1e-15);
  CHECK_FALSE(bad.judge(std::numeric_limits<double>::infinity()));
  CHECK(bad.status() == Status::not_finite);
  StepControl limited = control(0, 1, {.max_steps = 2});
  CHECK(limited.judge(0.5));
  CHECK(limited.running());
  CHECK_FALSE(limited.judge(2));
  CHECK(limited.status() == Status::step_limit);
}

}  // namespace nabla::flow
