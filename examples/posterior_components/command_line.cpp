#include "examples/posterior_components/command_line.h"

#include <CLI/CLI.hpp>
#include <string>

#include "examples/digits/dataset.h"

namespace nabla::posterior_components {

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  CLI::App app(
      "Shows along which directions an 8 x 8 digit behind noise is uncertain: the largest principal "
      "components of its posterior covariance, by products with the Jacobian of a flow's velocity, at "
      "several levels of noise. Leaves a report, its pictures and the numbers in one directory.");
  app.add_option("--data", options.data, "CSV file of 64 pixels (0..16) and a label a row, plain or gzip")
      ->capture_default_str();
  app.add_option("--out", options.out, "Directory for report.html, metrics.json and the pictures")
      ->capture_default_str();
  app.add_option("--checkpoint", options.checkpoint,
                 "A network that the digits example left, such as out/digits/flow_matching.safetensors; "
                 "without it a smaller one is trained")
      ->check(CLI::ExistingFile);
  app.add_option("--seed", options.seed, "Decides initial weights and all noise")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--steps", options.steps, "Training steps where a network is trained here")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--components", options.components, "Principal components of each posterior")
      ->check(CLI::Range(std::int64_t{1}, digits::kPixels))
      ->capture_default_str();
  app.add_option("--digits", options.digits, "Held-out digits that are looked at, class after class")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads; 0 takes all. The numbers do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  report::add_device_option(app);
  return report::parse(app, "posterior_components", argc, argv);
}

}  // namespace nabla::posterior_components
