#include "examples/report/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace nabla::report {

std::optional<Refusal> parse(CLI::App& app, const std::string& name, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    app.exit(success);
    return Refusal{0};
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "%s: %s (see --help)\n", name.c_str(), error.what());
    return Refusal{2};
  }
  return std::nullopt;
}

}  // namespace nabla::report
