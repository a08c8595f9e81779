#include "flow/dense_output.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/engine.h"
#include "flow/adaptive_step.h"
#include "flow/gaussian.h"
#include "tests/flow/numbers.h"
#include "tests/flow/solvers.h"

namespace nabla::flow {
namespace {

GaussianField plane_gaussian() {
  return GaussianField(tensor<double>({1, -0.5}, Shape{2}), tensor<double>({2, 0.05}, Shape{2}));
}

Tensor start() { return normal(random_key(1), Shape{3, 2}, DType::f64); }

AdaptiveSolution solve(double from, double to, const AdaptiveOptions& options) {
  const GaussianField field = plane_gaussian();
  return integrate_adaptive([&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); }, start(),
                            from, to, options);
}

double error_at(const DenseOutput& dense, double t) {
  const Tensor exact =
      plane_gaussian().flow_map(start(), shared_time(dense.from(), DType::f64), shared_time(t, DType::f64));
  return reduce_max(abs(dense(t) - exact)).item();
}

AdaptiveOptions fixed_dense_steps(Solver solver, double length) {
  return {
      .solver = solver, .rtol = 1e6, .atol = 1e6, .first_step = length, .max_step = length, .dense = true};
}

}  // namespace

TEST_CASE("between the steps the error falls with the order of the extension, in both directions") {
  for (const Solver solver : kEmbedded)
    for (const auto& [from, to] : {std::pair{0.0, 1.0}, std::pair{1.0, 0.0}}) {
      CAPTURE(name_of(solver));
      const AdaptiveSolution coarse = solve(from, to, fixed_dense_steps(solver, 1. / 80));
      const AdaptiveSolution fine = solve(from, to, fixed_dense_steps(solver, 1. / 160));
      double coarse_error = 0;
      double fine_error = 0;
      // The same places within steps of both lengths.
      for (const double place : {0.15, 0.4, 0.7})
        for (int step = 0; step < 80; ++step) {
          const double begin = from + (to - from) * step / 80;
          coarse_error = std::max(coarse_error, error_at(*coarse.dense, begin + (to - from) * place / 80));
          fine_error = std::max(fine_error, error_at(*fine.dense, begin + (to - from) * place / 160));
        }
      const bool cubic = solver == Solver::bogacki_shampine;
      CHECK(coarse_error < (cubic ? 1e-3 : 1e-5));
      CHECK(std::log2(coarse_error / fine_error) > (cubic ? 2.9 : 3.9));
    }
}

TEST_CASE("at the ends of steps it gives the states themselves") {
  for (const Solver solver : kEmbedded)
    for (const auto& [from, to] : {std::pair{0.0, 1.0}, std::pair{1.0, 0.0}}) {
      CAPTURE(name_of(solver));
      const AdaptiveSolution whole = solve(from, to, fixed_dense_steps(solver, 0.125));
      const DenseOutput& dense = *whole.dense;
      CHECK(dense.from() == from);
      CHECK(dense.to() == to);
      CHECK(distance(dense(from), start()) == 0);
      CHECK(distance(dense(to), whole.x) < 1e-15);
      const double middle = from + (to - from) * 0.5;
      const AdaptiveSolution half = solve(from, middle, fixed_dense_steps(solver, 0.125));
      CHECK(distance(dense(middle), half.x) < 1e-15);
    }
}

TEST_CASE("samples with steps of their own keep the tolerance throughout") {
  for (const Solver solver : kEmbedded) {
    CAPTURE(name_of(solver));
    const AdaptiveSolution result =
        solve(0, 1, {.solver = solver, .rtol = 1e-8, .atol = 1e-8, .max_steps = 3000, .dense = true});
    CHECK(result.done());
    CHECK((result.accepted[0] != result.accepted[1] || result.accepted[0] != result.accepted[2]));
    double error = 0;
    for (int i = 0; i <= 50; ++i) error = std::max(error, error_at(*result.dense, i / 50.));
    CHECK(error < 1e-6);
  }
  CHECK_FALSE(solve(0, 1, {}).dense);
}

TEST_CASE("a sample that stopped stays where it was, and times outside are refused") {
  const Tensor limit = tensor<double>({2, 0.6, -1}, Shape{3, 1});
  const TimedField v = [&](const Tensor& x, const Tensor& t) { return x + sqrt(limit - t) * 0; };
  const AdaptiveSolution result = integrate_adaptive(v, ones(Shape{3, 2}, DType::f64), 0, 1, {.dense = true});
  const DenseOutput& dense = *result.dense;
  CHECK(dense(0.5).data<double>()[2] == doctest::Approx(std::exp(0.5)).epsilon(1e-4));
  const std::vector<double> late = dense(0.9).to_vector<double>();
  CHECK(late[0] == doctest::Approx(std::exp(0.9)).epsilon(1e-4));
  CHECK(late[2] == doctest::Approx(result.x.data<double>()[2]).epsilon(1e-15));
  CHECK(late[4] == 1);
  for (const double t : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_WITH_AS(dense(t), doctest::Contains("is not between"), Error);
}

TEST_CASE("dense output works on images and on an empty batch") {
  const TimedField v = [](const Tensor& x, const Tensor&) { return x * -1; };
  const AdaptiveSolution images = integrate_adaptive(v, ones(Shape{2, 3, 4}), 0, 1, {.dense = true});
  CHECK((*images.dense)(0.3).shape() == Shape{2, 3, 4});
  CHECK(distance((*images.dense)(0.3), full(Shape{2, 3, 4}, std::exp(-0.3))) < 1e-4);
  const AdaptiveSolution empty = integrate_adaptive(v, zeros(Shape{0, 3}), 0, 1, {.dense = true});
  CHECK((*empty.dense)(0.3).shape() == Shape{0, 3});
}

}  // namespace nabla::flow
