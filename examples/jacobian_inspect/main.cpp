#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>

#include "examples/jacobian_inspect/command_line.h"
#include "examples/jacobian_inspect/run.h"
#include "examples/jacobian_inspect/write_report.h"

namespace {

// One line, whatever the message holds.
int fail(std::string message) {
  for (char& c : message)
    if (c == '\n') c = ' ';
  std::fprintf(stderr, "jacobian_inspect: %s\n", message.c_str());
  return 1;
}

void print_summary(const nabla::jacobian_inspect::Results& results) {
  for (const nabla::jacobian_inspect::SubjectResults& subject : results.subjects) {
    std::printf("%s\n  t    largest   rank  symmetry defect\n", subject.title.c_str());
    for (const nabla::jacobian_inspect::SpectrumAtTime& at : subject.spectrum)
      std::printf("%4.2f  %8.3f  %5.1f  %15.2g\n", at.t, at.eigenvalues.front(), at.rank, at.symmetry_defect);
    for (const nabla::jacobian_inspect::WayCost& way : subject.cost.ways)
      std::printf("  %-24s %9.3g GFLOP %9.3f ms%s\n", way.name.c_str(), way.each / 1e9, way.milliseconds,
                  way.name == subject.cost.chosen ? "  chosen" : "");
  }
  std::printf("report: %s\n", (results.options.out / "report.html").string().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  nabla::jacobian_inspect::Options options;
  if (const auto refusal = nabla::jacobian_inspect::parse_command_line(argc, argv, options))
    return refusal->exit_code;
  try {
    // Better now than after the training.
    std::error_code error;
    std::filesystem::create_directories(options.out, error);
    if (error || !std::filesystem::is_directory(options.out))
      return fail("cannot make the directory '" + options.out.string() +
                  "': " + (error ? error.message() : "it is no directory"));
    const nabla::jacobian_inspect::Results results = nabla::jacobian_inspect::run(options);
    nabla::jacobian_inspect::write_outputs(results);
    print_summary(results);
  } catch (const std::exception& error) {
    return fail(error.what());
  }
  return 0;
}
