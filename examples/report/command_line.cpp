#include "examples/report/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "engine/backend/device.h"
#include "engine/tensor/error.h"

namespace nabla::report {

void add_device_option(CLI::App& app) {
  const auto chosen = std::make_shared<std::string>(name_of(Device::cpu));
  app.add_option("--device", *chosen, "Where to compute: cpu, or cuda for a GPU of NVIDIA")
      ->check(CLI::IsMember({std::string(name_of(Device::cpu)), std::string(name_of(Device::cuda))}))
      ->capture_default_str();
  // Behind all options, so that --help needs no GPU.
  app.final_callback([chosen] {
    try {
      set_device(device_named(*chosen));
    } catch (const Error& error) {
      throw CLI::ValidationError("--device", error.what());
    }
  });
}

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
