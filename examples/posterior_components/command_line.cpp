#include "examples/posterior_components/command_line.h"

#include "examples/digits/command_line.h"
#include "examples/digits/dataset.h"

namespace nabla::posterior_components {

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  report::CommandLine command_line(
      "posterior_components",
      "Shows along which directions an 8 x 8 digit behind noise is uncertain: the largest principal "
      "components of its posterior covariance, by products with the Jacobian of a flow's velocity, at "
      "several levels of noise. Leaves a report, its pictures and the numbers in one directory.");
  digits::add_data(command_line, options.data);
  command_line.add_out(options.out, "report.html, metrics.json and the pictures");
  digits::add_checkpoint(command_line, options.checkpoint);
  command_line.add_seed(options.seed, "initial weights and all noise");
  command_line.add_option("--steps", options.steps, "Training steps where a network is trained here",
                          report::kCount);
  command_line.add_option("--components", options.components, "Principal components of each posterior",
                          {1, digits::kPixels});
  command_line.add_option("--digits", options.digits, "Held-out digits that are looked at, class after class",
                          {1, 100});
  command_line.add_threads(options.threads);
  command_line.add_device();
  return command_line.parse(argc, argv);
}

}  // namespace nabla::posterior_components
