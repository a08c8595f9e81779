#pragma once

#include <optional>

#include "examples/posterior_components/options.h"

namespace nabla::posterior_components {

/// What main should return without running anything: 0 after --help, 2 for wrong options.
struct Refusal {
  int exit_code;
};

/// Reads the command line into `options`; prints help or one line of error itself.
std::optional<Refusal> parse_command_line(int argc, char** argv, Options& options);

}  // namespace nabla::posterior_components
