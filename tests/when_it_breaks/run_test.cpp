#include "examples/when_it_breaks/run.h"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <string>

#include "engine/engine.h"
#include "examples/when_it_breaks/command_line.h"
#include "tests/io/scratch.h"

namespace nabla::when_it_breaks {
namespace {

Options small_run(const std::filesystem::path& out, int threads) {
  return {.out = out, .seed = 3, .samples = 600, .threads = threads};
}

std::string comparable(Results results) {
  results.seconds = 0;
  return metrics_json(results);
}

}  // namespace

TEST_CASE("every field breaks as predicted, with the same numbers for any number of threads") {
  const int threads = thread_count();
  const io::test::ScratchDirectory scratch;
  const Results results = run(small_run(scratch / "out", 1));
  const Results again = run(small_run(scratch / "again", 3));
  set_thread_count(threads);
  CHECK(results.passed());
  CHECK(comparable(results) == comparable(again));
  REQUIRE(results.controls.size() == 10);
  int sound = 0;
  for (const Control& control : results.controls) {
    CAPTURE(control.name);
    CHECK(control.as_predicted());
    CHECK(control.predicted.size() == control.report.rows.size());
    CHECK(control.report.passed() == control.sound);
    CHECK(control.refusal.empty() == control.sound);
    sound += control.sound ? 1 : 0;
  }
  CHECK(sound == 1);

  std::filesystem::create_directories(results.options.out);
  write_outputs(results);
  const std::string page = io::test::slurp(results.options.out / "report.html");
  CHECK(page.find("9 of 9") != std::string::npos);
  CHECK(page.find("http") == std::string::npos);
  CHECK(page.find(">nan") == std::string::npos);
  const std::string metrics = io::test::slurp(results.options.out / "metrics.json");
  for (const char* key : {"seed", "passed", "controls", "refusal", "calibration", "predicted",
                          "symmetry_defect", "negative_mass", "miscalibrated", "seconds"})
    CHECK(metrics.find('"' + std::string(key) + "\":") != std::string::npos);
  CHECK(metrics.find("null") == std::string::npos);
}

TEST_CASE("a field that is wrong otherwise, or that nothing sees, is a failure") {
  const Setting setting{random_key(1), 400, {.2, .6}};
  Results results;
  results.controls = {scaled_source(setting, 1.5)};
  CHECK(results.passed());
  results.controls[0].predicted[0] = 1;
  CHECK_FALSE(results.passed());
  results.controls = {scaled_source(setting, 1.5)};
  results.controls[0].refusal = "";
  CHECK_FALSE(results.passed());
  results.controls = {guidance(setting, 1)};
  CHECK(results.passed());
  results.controls[0].sound = false;
  CHECK_FALSE(results.passed());
}

TEST_CASE("the command line is checked before anything runs") {
  const auto code = [](const std::string& option, const std::string& value) {
    std::array<std::string, 3> words{"when_it_breaks", option, value};
    std::array<char*, 3> argv{words[0].data(), words[1].data(), words[2].data()};
    Options options;
    const auto refusal = parse_command_line(value.empty() ? 2 : 3, argv.data(), options);
    return refusal ? refusal->exit_code : -1;
  };
  CHECK(code("--samples", "120") == -1);
  CHECK(code("--help", "") == 0);
  CHECK(code("--samples", "10") == 2);
  CHECK(code("--seed", "-1") == 2);
  CHECK(code("--no-such-option", "") == 2);
}

}  // namespace nabla::when_it_breaks
