#include <cstdio>
#include <string>

#include "examples/mnist_classifier/command_line.h"
#include "examples/mnist_classifier/run.h"
#include "examples/mnist_classifier/write_report.h"
#include "examples/report/program.h"

int main(int argc, char** argv) {
  using namespace nabla::mnist_classifier;
  Options options;
  if (const auto refusal = parse_command_line(argc, argv, options)) return refusal->exit_code;
  return nabla::report::run_program("mnist_classifier", options.out, [&]() -> std::string {
    const Results results = run(options);
    write_outputs(results);
    std::printf("test accuracy %.2f %%, %zu of %lld misread\nreport: %s\n", 100 * results.test.accuracy(),
                results.test.misread.size(), static_cast<long long>(results.test.images),
                (options.out / "report.html").string().c_str());
    return "";
  });
}
