#include <cstdio>
#include <string>

#include "examples/digits/command_line.h"
#include "examples/digits/run.h"
#include "examples/digits/write_report.h"
#include "examples/report/number.h"
#include "examples/report/program.h"

namespace {

void print_summary(const nabla::digits::Results& results) {
  std::printf("  t    calibration of flow matching, MeanFlow\n");
  for (std::size_t i = 0; i < results.flow_matching.posterior.size(); ++i)
    std::printf("%4.2f  %7.3f %7.3f\n", results.flow_matching.posterior[i].t,
                results.flow_matching.posterior[i].calibration, results.mean_flow.posterior[i].calibration);
  std::printf("samples                evaluations  sliced W2 of floor  1-NN generated, real  precision\n");
  for (const nabla::digits::SamplerResult& sampler : results.samples.samplers)
    std::printf("%-22s %11lld  %18.2f  %14.3f, %.3f  %9.3f\n", sampler.name.c_str(),
                static_cast<long long>(sampler.evaluations), sampler.quality.sliced_w2_over_floor,
                sampler.quality.one_nn_generated, sampler.quality.one_nn_real, sampler.quality.precision);
  std::printf("bits per dimension %.3f, MeanFlow %.3f, one Gaussian %.3f\n",
              results.flow_matching.likelihood.bits_per_dim, results.mean_flow.likelihood.bits_per_dim,
              results.gaussian_bits_per_dim);
  std::printf("identity error %s\nreport: %s\n", nabla::report::number(results.identity_error).c_str(),
              (results.options.out / "report.html").string().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  nabla::digits::Options options;
  if (const auto refusal = nabla::digits::parse_command_line(argc, argv, options)) return refusal->exit_code;
  return nabla::report::run_program("digits", options.out, [&]() -> std::string {
    if (const auto results = nabla::digits::run(options)) {
      nabla::digits::write_outputs(*results);
      print_summary(*results);
    }
    return "";
  });
}
