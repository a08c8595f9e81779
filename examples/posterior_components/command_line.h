#pragma once

#include <optional>

#include "examples/posterior_components/options.h"
#include "examples/report/command_line.h"

namespace nabla::posterior_components {

/// Reads the command line into `options`; prints help or one line of error itself.
std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options);

}  // namespace nabla::posterior_components
