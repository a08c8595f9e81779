#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>

#include "examples/posterior_components/command_line.h"
#include "examples/posterior_components/run.h"
#include "examples/posterior_components/write_report.h"

namespace {

// One line, whatever the message holds.
int fail(std::string message) {
  for (char& c : message)
    if (c == '\n') c = ' ';
  std::fprintf(stderr, "posterior_components: %s\n", message.c_str());
  return 1;
}

void print_summary(const nabla::posterior_components::Results& results) {
  std::printf("  t    share of the first component, of all %lld   products\n",
              static_cast<long long>(results.options.components));
  for (const nabla::posterior_components::ComponentsAtTime& at : results.times) {
    const std::vector<double> shares = nabla::posterior_components::explained_shares(at);
    std::printf("%4.2f  %28.3f %9.3f %12lld%s\n", at.t, shares.front(), shares.back(),
                static_cast<long long>(at.products), at.converged ? "" : "  not converged");
  }
  std::printf("report: %s\n", (results.options.out / "report.html").string().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  nabla::posterior_components::Options options;
  if (const auto refusal = nabla::posterior_components::parse_command_line(argc, argv, options))
    return refusal->exit_code;
  try {
    // Better now than after the training.
    std::error_code error;
    std::filesystem::create_directories(options.out, error);
    if (error || !std::filesystem::is_directory(options.out))
      return fail("cannot make the directory '" + options.out.string() +
                  "': " + (error ? error.message() : "it is no directory"));
    const nabla::posterior_components::Results results = nabla::posterior_components::run(options);
    nabla::posterior_components::write_outputs(results);
    print_summary(results);
  } catch (const std::exception& error) {
    return fail(error.what());
  }
  return 0;
}
