#pragma once

#include <optional>

#include "examples/gmm_oracle/options.h"
#include "examples/report/command_line.h"

namespace nabla::gmm_oracle {

/// Reads the command line into `options`; prints help or one line of error itself.
std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options);

}  // namespace nabla::gmm_oracle
