#pragma once

#include <optional>

#include "examples/gmm_oracle/options.h"

namespace nabla::gmm_oracle {

/// What main should return without running anything: 0 after --help, 2 for wrong options.
struct Refusal {
  int exit_code;
};

/// Reads the command line into `options`; prints help or one line of error itself.
std::optional<Refusal> parse_command_line(int argc, char** argv, Options& options);

}  // namespace nabla::gmm_oracle
