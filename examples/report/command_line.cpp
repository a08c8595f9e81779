#include "examples/report/command_line.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "engine/backend/device.h"
#include "engine/tensor/error.h"

namespace nabla::report {
namespace {

template <class T>
CLI::Validator within(const Bounds<T>& bounds) {
  const std::string name(bounds.name);
  const CLI::Range range(bounds.least, bounds.most, name);
  return {[range, name](const std::string& text) -> std::string {
            const std::string fault = range(text);
            // NaN is neither below the least nor above the most, which is all that CLI11 asks.
            if (fault.empty() && std::isnan(std::strtod(text.c_str(), nullptr)))
              return "Value " + text + " is not a number";
            // CLI11 would write out the largest double, all of its 309 digits.
            return fault.empty() || name.empty() ? fault : "Value " + text + " is not " + name;
          },
          range.get_description()};
}

template <class T>
void add_number(CLI::App& app, const std::string& name, T& value, const std::string& meaning,
                const Bounds<T>& bounds) {
  app.add_option(name, value, meaning)->check(within(bounds))->capture_default_str();
}

}  // namespace

CommandLine::CommandLine(std::string program, const std::string& description)
    : program_(std::move(program)),
      app_(std::make_unique<CLI::App>(description)),
      device_(name_of(Device::cpu)) {}

CommandLine::~CommandLine() = default;

void CommandLine::add_option(const std::string& name, std::int64_t& value, const std::string& meaning,
                             const Bounds<std::int64_t>& bounds) {
  add_number(*app_, name, value, meaning, bounds);
}

void CommandLine::add_option(const std::string& name, double& value, const std::string& meaning,
                             const Bounds<double>& bounds) {
  add_number(*app_, name, value, meaning, bounds);
}

void CommandLine::add_option(const std::string& name, std::filesystem::path& value,
                             const std::string& meaning) {
  app_->add_option(name, value, meaning)->capture_default_str();
}

void CommandLine::add_existing_file(const std::string& name, std::filesystem::path& value,
                                    const std::string& meaning) {
  app_->add_option(name, value, meaning)->check(CLI::ExistingFile);
}

void CommandLine::add_flag(const std::string& name, bool& value, const std::string& meaning) {
  app_->add_flag(name, value, meaning);
}

void CommandLine::add_out(std::filesystem::path& out, const std::string& files) {
  add_option("--out", out, "Directory for " + files);
}

void CommandLine::add_seed(std::uint64_t& seed, const std::string& what) {
  // Far from the end of the type, where CLI11 reads what is negative or too large.
  add_number(*app_, "--seed", seed, "Decides " + what, {0, std::uint64_t{1} << 62});
}

void CommandLine::add_threads(int& threads, const std::string& what) {
  add_number(*app_, "--threads", threads, "Threads; 0 takes all. " + what + " do not depend on it",
             {0, 1024});
}

void CommandLine::add_device() {
  app_->add_option("--device", device_, "Where to compute: cpu, or cuda for a GPU of NVIDIA")
      ->check(CLI::IsMember({std::string(name_of(Device::cpu)), std::string(name_of(Device::cuda))}))
      ->capture_default_str();
  // Behind all options, so that --help needs no GPU.
  app_->final_callback([this] {
    try {
      set_device(device_named(device_));
    } catch (const Error& error) {
      throw CLI::ValidationError("--device", error.what());
    }
  });
}

std::optional<Refusal> CommandLine::parse(int argc, char** argv, std::FILE* stream) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& success) {
    app_->exit(success);
    return Refusal{0};
  } catch (const CLI::ParseError& error) {
    std::fprintf(stream, "%s: %s (see --help)\n", program_.c_str(), error.what());
    return Refusal{2};
  }
  return std::nullopt;
}

}  // namespace nabla::report
