#include "examples/jacobian_inspect/command_line.h"

#include <CLI/CLI.hpp>
#include <string>

namespace nabla::jacobian_inspect {

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  CLI::App app(
      "Looks at the Jacobians of three velocity fields along time: a small network trained on points of the "
      "plane, a network of 8 x 8 digits, and the exact field of the digits. Spectrum, numerical rank and "
      "symmetry, and what each way to the divergence takes. Leaves a report and the numbers in one "
      "directory.");
  app.add_option("--data", options.data, "CSV file of 64 pixels (0..16) and a label a row, plain or gzip")
      ->capture_default_str();
  app.add_option("--out", options.out, "Directory for report.html and metrics.json")->capture_default_str();
  app.add_option("--checkpoint", options.checkpoint,
                 "A network that the digits example left, such as out/digits/flow_matching.safetensors; "
                 "without it a smaller one is trained")
      ->check(CLI::ExistingFile);
  app.add_option("--seed", options.seed, "Decides initial weights and all noise")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--steps", options.steps, "Training steps of each network that is trained here")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--samples", options.samples, "Samples at which the Jacobians are taken, at every time")
      ->check(CLI::Range(1, 1 << 10))
      ->capture_default_str();
  app.add_option("--batch", options.batch, "Samples of the divergences that are timed")
      ->check(CLI::Range(1, 1 << 10))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "How long each way to a divergence is timed")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  app.add_option("--threads", options.threads,
                 "Threads; 0 takes all. All numbers but the times do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  report::add_device_option(app);
  return report::parse(app, "jacobian_inspect", argc, argv);
}

}  // namespace nabla::jacobian_inspect
