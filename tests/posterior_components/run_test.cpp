#include "examples/posterior_components/run.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "engine/engine.h"
#include "examples/posterior_components/metrics.h"
#include "examples/posterior_components/write_report.h"
#include "tests/io/scratch.h"

namespace nabla::posterior_components {
namespace {

constexpr double kVariances[] = {0.25, 4, 0.01, 1};

// The field of normal data with these variances; its posteriors have l (1-t)^2 / ((1-t)^2 + t^2 l) each.
Tensor normal_data_velocity(const Tensor& x, const Tensor& t) {
  const Tensor l = tensor<double>({kVariances[0], kVariances[1], kVariances[2], kVariances[3]}, {1, 4});
  return (t * (1 + l) - 1) / (square(1 - t) + square(t) * l) * x;
}

double exact(double l, double t) { return l * (1 - t) * (1 - t) / ((1 - t) * (1 - t) + t * t * l); }

Options small_run(const std::filesystem::path& out, int threads) {
  Options options;
  options.data = NABLAFLOW_DIGITS;
  options.out = out;
  options.seed = 4;
  options.steps = 6;
  options.components = 5;
  options.digits = 12;
  options.threads = threads;
  return options;
}

std::string comparable(Results results) {
  results.seconds = 0;
  return metrics_json(results);
}

}  // namespace

TEST_CASE("the components of a normal distribution's posterior are its axes") {
  const Tensor clean = normal(random_key(1), {3, 4}, DType::f64),
               noise = normal(random_key(2), {3, 4}, DType::f64);
  for (const double t : {0.2, 0.7}) {
    CAPTURE(t);
    const ComponentsAtTime found = principal_components(normal_data_velocity, {}, clean, noise, t, 2);
    CHECK(found.converged);
    CHECK(found.error < 1e-9);
    const double largest = exact(4, t), second = exact(1, t);
    const double total = largest + second + exact(0.25, t) + exact(0.01, t);
    for (std::int64_t b = 0; b < 3; ++b) {
      CHECK(found.variances[b][0].item() == doctest::Approx(largest).epsilon(1e-9));
      CHECK(found.variances[b][1].item() == doctest::Approx(second).epsilon(1e-9));
      CHECK(std::abs(found.directions[0][b][1].item()) == doctest::Approx(1).epsilon(1e-4));
      CHECK(std::abs(found.directions[1][b][3].item()) == doctest::Approx(1).epsilon(1e-4));
      CHECK(found.traces[b].item() == doctest::Approx(total).epsilon(1e-12));
    }
    CHECK(reduce_max(abs(found.noisy - (t * clean + (1 - t) * noise))).item() < 1e-15);
    const std::vector<double> shares = explained_shares(found);
    REQUIRE(shares.size() == 2);
    CHECK(shares[0] == doctest::Approx(largest / total).epsilon(1e-9));
    CHECK(shares[1] == doctest::Approx((largest + second) / total).epsilon(1e-9));
  }
}

TEST_CASE("a field that tells no posterior is refused") {
  flow::FieldMetadata metadata;
  metadata.coupling = "minibatch_ot";
  const Tensor x = normal(random_key(1), {2, 4}, DType::f64);
  CHECK_THROWS_AS(principal_components(normal_data_velocity, metadata, x, x, 0.5, 1), Error);
}

TEST_CASE("a run gives the same numbers for any number of threads, and leaves all its files") {
  const int threads = thread_count();
  const io::test::ScratchDirectory scratch;
  const Results results = run(small_run(scratch / "out", 1));
  const Results again = run(small_run(scratch / "out", 3));
  set_thread_count(threads);
  CHECK(comparable(results) == comparable(again));
  CHECK(results.labels == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1});
  for (const ComponentsAtTime& at : results.times) {
    CAPTURE(at.t);
    CHECK(at.converged);
    CHECK(at.error < 1e-4);
    CHECK(explained_shares(at).back() < 1);
  }

  std::filesystem::create_directories(scratch / "out");
  write_outputs(results);
  CHECK(io::test::slurp(scratch / "out/metrics.json") == metrics_json(results));
  const std::string page = io::test::slurp(scratch / "out/report.html");
  for (const char* part :
       {"Digits and what they may be", "How much they hold", "What they take", "A held-out 9."})
    CHECK(page.find(part) != std::string::npos);
  for (int i = 1; i <= 12; ++i)
    CHECK(std::filesystem::exists(scratch / ("out/components_" + std::to_string(i) + ".png")));
}

}  // namespace nabla::posterior_components
