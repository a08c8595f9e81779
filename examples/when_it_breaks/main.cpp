#include <cstdio>
#include <string>

#include "examples/report/program.h"
#include "examples/when_it_breaks/command_line.h"
#include "examples/when_it_breaks/run.h"

namespace {

void print_summary(const nabla::when_it_breaks::Results& results) {
  std::printf("field                        metadata  calibration (predicted) at first and last time\n");
  for (const nabla::when_it_breaks::Control& control : results.controls) {
    const auto& first = control.report.rows.front();
    const auto& last = control.report.rows.back();
    std::printf("%-27s  %-8s  %7.3f (%.3f) at t = %.2f, %7.3f (%.3f) at t = %.2f\n", control.name.c_str(),
                control.refusal.empty() ? "pass" : "refused", first.calibration, control.predicted.front(),
                first.t, last.calibration, control.predicted.back(), last.t);
  }
  std::printf("report: %s\n", (results.options.out / "report.html").string().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  nabla::when_it_breaks::Options options;
  if (const auto refusal = nabla::when_it_breaks::parse_command_line(argc, argv, options))
    return refusal->exit_code;
  return nabla::report::run_program("when_it_breaks", options.out, [&]() -> std::string {
    const nabla::when_it_breaks::Results results = nabla::when_it_breaks::run(options);
    nabla::when_it_breaks::write_outputs(results);
    print_summary(results);
    return results.passed() ? "" : "a field is not as wrong as predicted, or not seen";
  });
}
