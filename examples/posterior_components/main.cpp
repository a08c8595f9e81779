#include <cstdio>
#include <string>

#include "examples/posterior_components/command_line.h"
#include "examples/posterior_components/run.h"
#include "examples/posterior_components/write_report.h"
#include "examples/report/program.h"

namespace {

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
  return nabla::report::run_program("posterior_components", options.out, [&]() -> std::string {
    const nabla::posterior_components::Results results = nabla::posterior_components::run(options);
    nabla::posterior_components::write_outputs(results);
    print_summary(results);
    return "";
  });
}
