#pragma once

#include <optional>

#include "examples/jacobian_inspect/options.h"

namespace nabla::jacobian_inspect {

/// What main should return without running anything: 0 after --help, 2 for wrong options.
struct Refusal {
  int exit_code;
};

/// Reads the command line into `options`; prints help or one line of error itself.
std::optional<Refusal> parse_command_line(int argc, char** argv, Options& options);

}  // namespace nabla::jacobian_inspect
