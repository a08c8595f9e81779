#pragma once

#include <optional>

#include "examples/mnist_classifier/options.h"
#include "examples/report/command_line.h"

namespace nabla::mnist_classifier {

/// Reads the command line into `options`; prints help or one line of error itself.
std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options);

}  // namespace nabla::mnist_classifier
