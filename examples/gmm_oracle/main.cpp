#include <cstdio>
#include <string>

#include "examples/gmm_oracle/command_line.h"
#include "examples/gmm_oracle/run.h"
#include "examples/report/program.h"

namespace {

void print_summary(const nabla::gmm_oracle::Results& results) {
  std::printf("D  path                 member          worst error  bound   verdict\n");
  for (const nabla::gmm_oracle::PathErrors& path : results.errors)
    for (const nabla::gmm_oracle::MemberErrors& member : path.members)
      std::printf("%d  %-19s  %-14s  %11.1e  %6.0e  %s\n", static_cast<int>(path.dimension),
                  path.path.c_str(), member.member.c_str(), member.worst(), member.bound,
                  member.passed() ? "pass" : "FAIL");
  std::printf("report: %s\n", (results.options.out / "report.html").string().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  nabla::gmm_oracle::Options options;
  if (const auto refusal = nabla::gmm_oracle::parse_command_line(argc, argv, options))
    return refusal->exit_code;
  return nabla::report::run_program("gmm_oracle", options.out, [&]() -> std::string {
    const nabla::gmm_oracle::Results results = nabla::gmm_oracle::run(options);
    nabla::gmm_oracle::write_outputs(results);
    print_summary(results);
    return results.passed() ? "" : "a bound is missed";
  });
}
