#pragma once

#include <optional>

#include "examples/when_it_breaks/options.h"

namespace nabla::when_it_breaks {

/// What main should return without running anything: 0 after --help, 2 for wrong options.
struct Refusal {
  int exit_code;
};

/// Reads the command line into `options`; prints help or one line of error itself.
std::optional<Refusal> parse_command_line(int argc, char** argv, Options& options);

}  // namespace nabla::when_it_breaks
