#include "examples/report/program.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <system_error>

#include "io/directory_lock.h"

namespace nabla::report {
namespace {

int fail(const std::string& name, std::string message) {
  std::ranges::replace(message, '\n', ' ');
  std::fprintf(stderr, "%s: %s\n", name.c_str(), message.c_str());
  return 1;
}

}  // namespace

int run_program(const std::string& name, const std::filesystem::path& out,
                const std::function<std::string()>& work) {
  try {
    std::error_code error;
    std::filesystem::create_directories(out, error);
    if (error || !std::filesystem::is_directory(out))
      return fail(name, "cannot make the directory '" + out.string() +
                            "': " + (error ? error.message() : "it is no directory"));
    const io::DirectoryLock lock(out);
    const std::string reason = work();
    return reason.empty() ? 0 : fail(name, reason);
  } catch (const std::exception& error) {
    return fail(name, error.what());
  }
}

}  // namespace nabla::report
