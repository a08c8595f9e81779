#include "examples/digits/run.h"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "examples/digits/command_line.h"
#include "examples/digits/metrics.h"
#include "examples/digits/write_report.h"
#include "tests/io/scratch.h"

namespace nabla::digits {
namespace {

Options small_run(const std::filesystem::path& out, int threads) {
  Options options;
  options.data = NABLAFLOW_DIGITS;
  options.out = out;
  options.steps = 4;
  options.mean_flow_steps = 5;
  options.batch = 16;
  options.width = 24;
  options.layers = 2;
  options.seed = 3;
  options.threads = threads;
  options.checkpoint_every = 3;
  return options;
}

// The metrics without times, and without the memory, which threads share.
std::string comparable(const Results& results) {
  Results same = results;
  same.seconds.clear();
  same.peak_bytes = 0;
  same.trace_cost.tangent_seconds = same.trace_cost.chosen_seconds = 0;
  for (NetworkResults* network : {&same.flow_matching, &same.mean_flow})
    network->training_seconds = network->seconds_per_step = 0;
  for (SamplerResult& sampler : same.samples.samplers) sampler.seconds_per_image = 0;
  return metrics_json(same);
}

}  // namespace

TEST_CASE("a run gives the same numbers every time and for any number of threads, and leaves all its files") {
  const int threads = thread_count();
  const io::test::ScratchDirectory scratch;
  const std::optional<Results> first = run(small_run(scratch / "deep/out", 1));
  REQUIRE(first);
  const Results& results = *first;
  CHECK(results.held_out_images == 297);
  CHECK(results.training_images == 1500);
  CHECK(results.flow_matching.losses.size() == 1);
  CHECK(results.mean_flow.losses.size() == 4);
  CHECK(results.trace_cost.samples == 297);
  CHECK(results.trace_cost.ways.size() >= 4);
  CHECK(results.trace_cost.difference < 1e-4);
  REQUIRE(results.planned_savings.size() == 6);
  for (const PlannedSaving& saving : results.planned_savings) {
    CHECK(saving.chosen_operations <= saving.tangent_operations);
    if (saving.pixels == 784) CHECK(saving.tangent_operations > 2 * saving.chosen_operations);
  }
  for (const NetworkResults* network : {&results.flow_matching, &results.mean_flow}) {
    const std::size_t steps = network == &results.mean_flow ? 5 : 4;
    for (const LossCurve& curve : network->losses) CHECK(curve.values.size() == steps);
    CHECK(network->posterior.size() == 6);
  }
  CHECK(results.identity_error <= 1e-12);
  for (const PosteriorMeasure& measure : results.flow_matching.posterior)
    CHECK(measure.oracle.has_value() == (measure.t <= 0.5));
  // The floor compares real digits with real ones; noise is told apart.
  CHECK(results.samples.draws == 5);
  CHECK(results.samples.floor.one_nn_accuracy == doctest::Approx(0.5).epsilon(0.1));
  CHECK(results.samples.floor.one_nn_generated == doctest::Approx(0.5).epsilon(0.2));
  CHECK(results.samples.floor.one_nn_real == doctest::Approx(0.5).epsilon(0.2));
  CHECK(results.samples.floor.density == doctest::Approx(1).epsilon(0.2));
  CHECK(results.samples.floor.coverage > 0.9);
  CHECK(results.gaussian_bits_per_dim > 2);
  CHECK(results.gaussian_bits_per_dim < 4.09);
  CHECK(results.samples.floor.nearest_training == 0);
  CHECK(results.samples.controls.back().quality.sliced_w2_over_floor > 5);
  CHECK(results.samples.controls.back().quality.precision == 0);
  const std::optional<Results> again = run(small_run(scratch / "again", 3));
  set_thread_count(threads);
  REQUIRE(again);
  CHECK(comparable(results) == comparable(*again));
  CHECK(results.flow_matching.losses[0].values == again->flow_matching.losses[0].values);
  for (std::size_t i = 0; i < results.samples.samplers.size(); ++i)
    CHECK(results.samples.samplers[i].shown == again->samples.samplers[i].shown);

  write_outputs(results);
  for (const char* name :
       {"report.html", "metrics.json", "samples_flow_matching_ode.png", "samples_mean_flow_1.png", "real.png",
        "posterior_1.png", "one_step.png", "flow_matching.safetensors", "mean_flow.safetensors"})
    CHECK(std::filesystem::file_size(results.options.out / name) > 300);
  const std::string metrics = io::test::slurp(results.options.out / "metrics.json");
  for (const char* key : {"seed",
                          "steps",
                          "train_seconds",
                          "loss",
                          "posterior",
                          "t",
                          "trace_mean",
                          "calibration",
                          "symmetry_defect",
                          "negative_mass",
                          "oracle_relative_error",
                          "oracle_calibration",
                          "identity_oracle_max_error",
                          "peak_bytes",
                          "bits_per_dim",
                          "meanflow",
                          "losses",
                          "identity_residual",
                          "samplers",
                          "sliced_w2",
                          "one_nn_accuracy",
                          "one_nn_generated",
                          "one_nn_real",
                          "density",
                          "coverage",
                          "full_gaussian_bits_per_dim",
                          "precision",
                          "recall",
                          "floor",
                          "controls",
                          "evaluations",
                          "full_gaussian"})
    CHECK(metrics.find('"' + std::string(key) + "\":") != std::string::npos);
  CHECK(metrics.find("null") == std::string::npos);
  const std::string page = io::test::slurp(results.options.out / "report.html");
  CHECK(page.find(">nan") == std::string::npos);
}

TEST_CASE("a run without its data is refused") {
  const io::test::ScratchDirectory scratch;
  Options options = small_run(scratch / "out", 0);
  options.data = "/nonexistent/digits.csv";
  CHECK_THROWS_WITH_AS(run(options), doctest::Contains("/nonexistent/digits.csv"), Error);
}

TEST_CASE("the command line is checked before anything runs") {
  const auto code = [](const std::string& option, const std::string& value) {
    std::array<std::string, 3> words{"digits", option, value};
    std::array<char*, 3> argv{words[0].data(), words[1].data(), words[2].data()};
    Options options;
    const auto refusal = parse_command_line(value.empty() ? 2 : 3, argv.data(), options);
    return refusal ? refusal->exit_code : -1;
  };
  CHECK(code("--steps", "12") == -1);
  CHECK(code("--help", "") == 0);
  CHECK(code("--steps", "0") == 2);
  CHECK(code("--steps", "many") == 2);
  CHECK(code("--seed", "-1") == 2);
  CHECK(code("--ema", "1") == 2);
  CHECK(code("--no-such-option", "") == 2);
}

}  // namespace nabla::digits
