#include "examples/gmm_oracle/run.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <string>

#include "engine/engine.h"
#include "examples/gmm_oracle/command_line.h"
#include "tests/io/scratch.h"

namespace nabla::gmm_oracle {
namespace {

Options small_run(const std::filesystem::path& out, int threads) {
  return {.out = out, .seed = 3, .samples = 3, .draws = 300, .threads = threads};
}

std::string comparable(Results results) {
  results.seconds = 0;
  return metrics_json(results);
}

}  // namespace

TEST_CASE("a run passes all bounds, with the same numbers for any number of threads, and leaves its files") {
  const int threads = thread_count();
  const io::test::ScratchDirectory scratch;
  const Results results = run(small_run(scratch / "out", 1));
  const Results again = run(small_run(scratch / "again", 3));
  set_thread_count(threads);
  CHECK(results.passed());
  CHECK(comparable(results) == comparable(again));
  REQUIRE(results.errors.size() == 6);
  for (const PathErrors& path : results.errors) {
    CHECK(path.members.size() == 9);
    for (const MemberErrors& member : path.members) CHECK(member.errors.size() == kTimes.size());
  }
  for (std::size_t b = 0; b < 3; ++b)
    for (std::size_t i = 0; i < results.skewness.times.size(); ++i)
      CHECK(results.skewness.computed[b][i] == doctest::Approx(results.skewness.exact[b][i]).epsilon(1e-9));
  CHECK(results.exact_points.size() == 3);
  CHECK(results.exact_points[0].image.rgb != results.gaussian_points[0].image.rgb);

  std::filesystem::create_directories(results.options.out);
  write_outputs(results);
  const std::string page = io::test::slurp(results.options.out / "report.html");
  CHECK(page.find("all pass") != std::string::npos);
  CHECK(page.find("http") == std::string::npos);
  CHECK(page.find(">nan") == std::string::npos);
  const std::string metrics = io::test::slurp(results.options.out / "metrics.json");
  for (const char* key : {"seed", "passed", "times", "errors", "dimension", "path", "member", "worst",
                          "bound", "skewness", "seconds"})
    CHECK(metrics.find('"' + std::string(key) + "\":") != std::string::npos);
  CHECK(metrics.find("null") == std::string::npos);
}

TEST_CASE("a missed bound and a NaN are failures") {
  Results results;
  results.errors = {{"linear", 2, {{"mean", {1e-16, 1e-13}, 1e-12}}}};
  CHECK(results.passed());
  results.errors[0].members[0].errors[0] = 2e-12;
  CHECK_FALSE(results.passed());
  results.errors[0].members[0].errors = {NAN, 1e-16};
  CHECK_FALSE(results.passed());
  CHECK(metrics_json(results).find("\"passed\": false") != std::string::npos);
}

TEST_CASE("draws of a mixture's posterior have its moments") {
  const Mixture mixture(random_key(1), 4, 2, flow::linear_path());
  const Tensor x = normal(random_key(2), Shape{2, 2}, DType::f64), t = flow::shared_time(.4, DType::f64);
  const std::int64_t n = 40000;
  const Tensor d = mixture.posterior_draws(random_key(3), n, x, t) - mixture.field().posterior_mean(x, t);
  CHECK(reduce_max(abs(mean(d, {0}))).item() < .03);
  const Tensor found = matmul(permute(d, {1, 2, 0}), permute(d, {1, 0, 2})) * (1.0 / static_cast<double>(n));
  CHECK(reduce_max(abs(found - mixture.field().posterior_covariance(x, t))).item() < .05);
  const Tensor e = normal(random_key(4), Shape{2, 2}, DType::f64);
  const Tensor along = sum(d * e, {-1});
  CHECK(reduce_max(abs(mean(along * square(along), {0}) - mixture.third_moment(x, t, e))).item() < .2);
}

TEST_CASE("the command line is checked before anything runs") {
  const auto code = [](const std::string& option, const std::string& value) {
    std::array<std::string, 3> words{"gmm_oracle", option, value};
    std::array<char*, 3> argv{words[0].data(), words[1].data(), words[2].data()};
    Options options;
    const auto refusal = parse_command_line(value.empty() ? 2 : 3, argv.data(), options);
    return refusal ? refusal->exit_code : -1;
  };
  CHECK(code("--samples", "12") == -1);
  CHECK(code("--help", "") == 0);
  CHECK(code("--samples", "0") == 2);
  CHECK(code("--draws", "many") == 2);
  CHECK(code("--seed", "-1") == 2);
  CHECK(code("--no-such-option", "") == 2);
}

}  // namespace nabla::gmm_oracle
