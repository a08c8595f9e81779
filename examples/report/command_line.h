#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace nabla::report {

/// What main should return without running anything: 0 after --help, 2 for wrong options.
struct Refusal {
  int exit_code;
};

/// The values that an option takes, both ends included; --help gives the ends where they have no name.
template <class T>
struct Bounds {
  T least;
  T most;
  std::string_view name = {};
};
/// From 1 to more than any run reaches.
inline constexpr Bounds<std::int64_t> kCount{1, std::int64_t{1} << 40};
inline constexpr Bounds<double> kPositive{std::numeric_limits<double>::min(),
                                          std::numeric_limits<double>::max(), "POSITIVE"};
inline constexpr Bounds<double> kNonNegative{0, std::numeric_limits<double>::max(), "NONNEGATIVE"};

/// The options of a program. Each is read into a variable, which must outlive `parse`; what the variable
/// holds when the option is added is its default. CLI11 stays behind this class, for its header takes seconds
/// to compile.
class CommandLine {
 public:
  /// Of the program of this name, with what --help says of it.
  CommandLine(std::string program, const std::string& description);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();

  /// Adds an option, such as "--steps", and what --help says of it.
  void add_option(const std::string& name, std::int64_t& value, const std::string& meaning,
                  const Bounds<std::int64_t>& bounds);
  void add_option(const std::string& name, double& value, const std::string& meaning,
                  const Bounds<double>& bounds);
  void add_option(const std::string& name, std::filesystem::path& value, const std::string& meaning);
  /// Adds an option that is left out or names a file, which has to be there.
  void add_existing_file(const std::string& name, std::filesystem::path& value, const std::string& meaning);
  /// Adds an option without a value, which sets `value`.
  void add_flag(const std::string& name, bool& value, const std::string& meaning);

  /// Adds --out, the directory for `files`.
  void add_out(std::filesystem::path& out, const std::string& files);
  /// Adds --seed, which decides `what`.
  void add_seed(std::uint64_t& seed, const std::string& what);
  /// Adds --threads, on which `what` does not depend.
  void add_threads(int& threads, const std::string& what = "The numbers");
  /// Adds --device cpu|cuda. Where all else is well `parse` calls set_device; a device that cannot be used is
  /// an error of the command line.
  void add_device();

  /// Reads the options; prints help, or one line of error behind the program's name to `stream`.
  std::optional<Refusal> parse(int argc, char** argv, std::FILE* stream = stderr);

 private:
  std::string program_;
  std::unique_ptr<CLI::App> app_;
  std::string device_;
};

}  // namespace nabla::report
