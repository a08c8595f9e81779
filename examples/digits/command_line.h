#pragma once

#include <filesystem>
#include <optional>

#include "examples/digits/options.h"
#include "examples/report/command_line.h"

namespace nabla::digits {

/// Reads the command line into `options`; prints help or one line of error itself.
std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options);

/// Adds --data, the images, for every program that reads them.
void add_data(report::CommandLine& command_line, std::filesystem::path& data);

/// Adds --checkpoint to a program that uses a network of this one, or trains a smaller one where the path
/// stays empty.
void add_checkpoint(report::CommandLine& command_line, std::filesystem::path& checkpoint);

}  // namespace nabla::digits
