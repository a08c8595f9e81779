#pragma once

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace nabla::report {

/// What main should return without running anything: 0 after --help, 2 for wrong options.
struct Refusal {
  int exit_code;
};

/// Adds --device cpu|cuda. Where all else is well `parse` calls set_device; a device that cannot be used is
/// an error of the command line.
void add_device_option(CLI::App& app);

/// Reads the command line by an app whose options are set; prints help, or one line of error behind the
/// program's name.
std::optional<Refusal> parse(CLI::App& app, const std::string& name, int argc, char** argv);

}  // namespace nabla::report
