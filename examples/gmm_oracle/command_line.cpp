#include "examples/gmm_oracle/command_line.h"

namespace nabla::gmm_oracle {

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  report::CommandLine command_line(
      "gmm_oracle",
      "Holds every number of a posterior that follows from the Jacobian of a velocity field (mean, trace, "
      "variance, matrix, products, principal components, log-determinant, third moments, samples) against "
      "closed forms: Gaussian mixtures in 2 and 8 dimensions, three paths, times from .02 to .98. Leaves a "
      "report and the numbers in one directory, and fails if a bound is missed.");
  command_line.add_out(options.out, "report.html and metrics.json");
  command_line.add_seed(options.seed, "the mixtures and all noise");
  command_line.add_option("--samples", options.samples, "Noisy samples at each time", {1, 10000});
  command_line.add_option("--draws", options.draws, "Draws from each posterior", {1, 1000000});
  command_line.add_threads(options.threads);
  command_line.add_device();
  return command_line.parse(argc, argv);
}

}  // namespace nabla::gmm_oracle
