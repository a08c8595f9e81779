#include "examples/gmm_oracle/command_line.h"

#include <CLI/CLI.hpp>
#include <string>

namespace nabla::gmm_oracle {

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  CLI::App app(
      "Holds every number of a posterior that follows from the Jacobian of a velocity field (mean, trace, "
      "variance, matrix, products, principal components, log-determinant, third moments, samples) against "
      "closed forms: Gaussian mixtures in 2 and 8 dimensions, three paths, times from .02 to .98. Leaves a "
      "report and the numbers in one directory, and fails if a bound is missed.");
  const auto positive = [](std::int64_t most) { return CLI::Range(std::int64_t{1}, most); };
  app.add_option("--out", options.out, "Directory for report.html and metrics.json")->capture_default_str();
  app.add_option("--seed", options.seed, "Decides the mixtures and all noise")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 62))
      ->capture_default_str();
  app.add_option("--samples", options.samples, "Noisy samples at each time")
      ->check(positive(10000))
      ->capture_default_str();
  app.add_option("--draws", options.draws, "Draws from each posterior")
      ->check(positive(1000000))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads; 0 takes all. The numbers do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  report::add_device_option(app);
  return report::parse(app, "gmm_oracle", argc, argv);
}

}  // namespace nabla::gmm_oracle
