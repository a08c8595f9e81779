#pragma once

#include <optional>

#include "examples/report/command_line.h"
#include "examples/when_it_breaks/options.h"

namespace nabla::when_it_breaks {

/// Reads the command line into `options`; prints help or one line of error itself.
std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options);

}  // namespace nabla::when_it_breaks
