#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "engine/plan/plan.h"
#include "examples/digits/training.h"

// The trainings by optimised plans and by the reference, in which every node is a step of its own.

namespace nabla::digits {
namespace {

std::vector<LossCurve> losses(Kind kind, bool optimised) {
  Options options;
  options.data = NABLAFLOW_DIGITS;
  options.steps = options.mean_flow_steps = 6;
  options.batch = 16;
  options.width = 24;
  options.layers = 2;
  const Split data = split_of_run(read_images(options.data), options.seed);
  Training training(kind, pixel_moments(data.training), data, options, random_key(1), random_key(2));
  set_plan_optimisations(optimised);
  for (int step = 0; step < 6; ++step) training.step();
  set_plan_optimisations(true);
  return training.losses();
}

}  // namespace

TEST_CASE("trainings have the same losses with and without optimised plans") {
  for (const Kind kind : {Kind::flow_matching, Kind::mean_flow}) {
    const std::vector<LossCurve> got = losses(kind, true);
    const std::vector<LossCurve> expected = losses(kind, false);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      REQUIRE(got[i].values.size() == 6);
      for (std::size_t step = 0; step < 6; ++step) {
        INFO(name_of(kind), " ", got[i].name, " ", step);
        // A loss is a mean of squares: its terms are not negative, so that it is their absolute sum.
        CHECK(std::abs(got[i].values[step] - expected[i].values[step]) <= 4e-6 * expected[i].values[step]);
      }
    }
  }
}

}  // namespace nabla::digits
