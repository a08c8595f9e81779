#include <cstdio>
#include <string>

#include "examples/jacobian_inspect/command_line.h"
#include "examples/jacobian_inspect/run.h"
#include "examples/jacobian_inspect/write_report.h"
#include "examples/report/program.h"

namespace {

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
  return nabla::report::run_program("jacobian_inspect", options.out, [&]() -> std::string {
    const nabla::jacobian_inspect::Results results = nabla::jacobian_inspect::run(options);
    nabla::jacobian_inspect::write_outputs(results);
    print_summary(results);
    return "";
  });
}
