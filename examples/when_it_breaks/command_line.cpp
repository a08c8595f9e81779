#include "examples/when_it_breaks/command_line.h"

namespace nabla::when_it_breaks {

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  report::CommandLine command_line(
      "when_it_breaks",
      "Shows fields whose Jacobian tells no posterior: optimal couplings, guidance, average velocities, "
      "scaled and pruned sources. For each it measures how wrong the posterior is over time, beside what "
      "algebra predicts, and reports what the metadata of the field would have said and which check sees it. "
      "Leaves a report and the numbers in one directory, and fails if a field is not as wrong as predicted.");
  command_line.add_out(options.out, "report.html and metrics.json");
  command_line.add_seed(options.seed, "data and noise");
  command_line.add_option("--samples", options.samples, "Held-out data of each control", {100, 1000000});
  command_line.add_threads(options.threads);
  command_line.add_device();
  return command_line.parse(argc, argv);
}

}  // namespace nabla::when_it_breaks
