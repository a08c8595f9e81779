#include "examples/jacobian_inspect/command_line.h"

#include "examples/digits/command_line.h"

namespace nabla::jacobian_inspect {

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  report::CommandLine command_line(
      "jacobian_inspect",
      "Looks at the Jacobians of three velocity fields along time: a small network trained on points of the "
      "plane, a network of 8 x 8 digits, and the exact field of the digits. Spectrum, numerical rank and "
      "symmetry, and what each way to the divergence takes. Leaves a report and the numbers in one "
      "directory.");
  digits::add_data(command_line, options.data);
  command_line.add_out(options.out, "report.html and metrics.json");
  digits::add_checkpoint(command_line, options.checkpoint);
  command_line.add_seed(options.seed, "initial weights and all noise");
  command_line.add_option("--steps", options.steps, "Training steps of each network that is trained here",
                          report::kCount);
  command_line.add_option("--samples", options.samples,
                          "Samples at which the Jacobians are taken, at every time", {1, 1 << 10});
  command_line.add_option("--batch", options.batch, "Samples of the divergences that are timed",
                          {1, 1 << 10});
  command_line.add_option("--seconds", options.seconds, "How long each way to a divergence is timed",
                          {0, 60});
  command_line.add_threads(options.threads, "All numbers but the times");
  command_line.add_device();
  return command_line.parse(argc, argv);
}

}  // namespace nabla::jacobian_inspect
