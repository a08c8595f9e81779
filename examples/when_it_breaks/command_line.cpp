#include "examples/when_it_breaks/command_line.h"

#include <CLI/CLI.hpp>
#include <string>

namespace nabla::when_it_breaks {

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  CLI::App app(
      "Shows fields whose Jacobian tells no posterior: optimal couplings, guidance, average velocities, "
      "scaled and pruned sources. For each it measures how wrong the posterior is over time, beside what "
      "algebra predicts, and reports what the metadata of the field would have said and which check sees it. "
      "Leaves a report and the numbers in one directory, and fails if a field is not as wrong as predicted.");
  app.add_option("--out", options.out, "Directory for report.html and metrics.json")->capture_default_str();
  app.add_option("--seed", options.seed, "Decides data and noise")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 62))
      ->capture_default_str();
  app.add_option("--samples", options.samples, "Held-out data of each control")
      ->check(CLI::Range(std::int64_t{100}, std::int64_t{1000000}))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads; 0 takes all. The numbers do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  report::add_device_option(app);
  return report::parse(app, "when_it_breaks", argc, argv);
}

}  // namespace nabla::when_it_breaks
