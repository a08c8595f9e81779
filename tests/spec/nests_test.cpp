#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <string>

#include "tests/spec/nest.h"
#include "tests/spec/program.h"
#include "tests/spec/sample.h"

// Every way to the derivatives of a nest of transforms leads to the same numbers.

namespace nabla::spec {
namespace {

// Five points around x along a direction: an error of the fourth power of the step.
double difference(const NestFunction& f, const Tensor& x, const Tensor& along, double step) {
  constexpr std::array<double, 4> kPlaces{-2, -1, 1, 2};
  constexpr std::array<double, 4> kWeights{1, -8, 8, -1};
  std::vector<Tensor> values;
  for (const double place : kPlaces) values.push_back(f((x + along * (place * step)).detach()));
  evaluate(values);
  double total = 0;
  for (std::size_t i = 0; i < values.size(); ++i) total += kWeights[i] * values[i].item();
  return total / (12 * step);
}

}  // namespace

TEST_CASE("random nests of transforms: forward = reverse = finite differences, whatever is checkpointed") {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + nest_count(); ++seed) {
    Random random(seed);
    const Tensor x = nest_point(seed);
    const Tensor along = direction(random, x.shape()).detach();
    const NestFunction nest = random_nest(seed);
    // Outside of transforms compiled functions return leaves, so that differences are taken without them.
    const NestFunction plain = random_nest(seed, {.checkpoints = false, .compiled = false, .custom = false});
    INFO("NABLAFLOW_FUZZ_SEED=", seed);

    const auto directional = [&](const NestFunction& f) {
      return NestFunction([&, f](const Tensor& at) { return jvp(f, at, along).tangent; });
    };
    const auto reverse = [&](const NestFunction& f) {
      return NestFunction([&, f](const Tensor& at) { return sum(grad(f, at) * along); });
    };
    const Tensor expected = grad(plain, x);
    const Tensor second = grad(directional(plain), x);
    const Tensor gradient = grad(nest, x);
    const Tensor slope = directional(nest)(x);
    const Tensor expected_slope = sum(expected * along);
    const Tensor reverse_over_reverse = grad(reverse(nest), x);
    const Tensor reverse_over_forward = grad(directional(nest), x);
    const Tensor forward_over_reverse =
        jvp([&](const Tensor& at) { return grad(nest, at); }, x, along).tangent;
    evaluate({expected, second, gradient, slope, expected_slope, reverse_over_reverse, reverse_over_forward,
              forward_over_reverse});

    Failures failures;
    expect_close(failures, "reverse mode", gradient, expected, 1e-11);
    expect_close(failures, "forward mode", slope, expected_slope, 1e-11);
    expect_close(failures, "reverse over reverse", reverse_over_reverse, second, 1e-10);
    expect_close(failures, "reverse over forward", reverse_over_forward, second, 1e-10);
    expect_close(failures, "forward over reverse", forward_over_reverse, second, 1e-10);
    // Smaller steps for those whose fifth derivative is large.
    const double by_forward = slope.item();
    double by_difference = 0;
    for (const double step : {4e-4, 5e-5, 6e-6}) {
      by_difference = difference(plain, x, along, step);
      if (std::abs(by_difference - by_forward) < 1e-8) break;
    }
    expect_close(failures, "finite differences", {by_difference}, {by_forward}, 1e-7);
    for (const std::string& failure : failures) FAIL_CHECK(failure);
  }
}

}  // namespace nabla::spec
