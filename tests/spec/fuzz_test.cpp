#include <doctest/doctest.h>

#include <cmath>

#include "tests/spec/checks.h"
#include "tests/spec/plan_reference.h"
#include "tests/spec/program.h"

// Random programs run the checks of the rows.

namespace nabla::spec {
namespace {

// The diagonal over matching axes of [B, *S, B, *S] or [B, *S, *S], per sample.
struct Diagonals {
  std::vector<double> diagonal;
  std::vector<double> trace;
  std::vector<double> absolute;
};

Diagonals diagonals(const std::vector<double>& jacobian, std::int64_t batch, std::int64_t width,
                    bool per_sample) {
  Diagonals result;
  for (std::int64_t b = 0; b < batch; ++b) {
    double trace = 0;
    double absolute = 0;
    for (std::int64_t i = 0; i < width; ++i) {
      const std::int64_t row = b * width + i;
      const std::int64_t at = per_sample ? row * width + i : row * batch * width + row;
      const double v = jacobian[at];
      result.diagonal.push_back(v);
      trace += v;
      absolute += std::abs(v);
    }
    result.trace.push_back(trace);
    result.absolute.push_back(absolute);
  }
  return result;
}

}  // namespace

TEST_CASE("random programs pass the checks of the rows") {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + program_count(); ++seed) {
    Spec program;
    REQUIRE_NOTHROW_MESSAGE(program = random_program(seed), "seed ", seed);
    for (const Check& check : program_checks()) {
      const Failures failures = run(check, program);
      if (failures.empty()) continue;
      Random random(seed);
      INFO("NABLAFLOW_FUZZ_SEED=", seed, ", check ", std::string(check.name), "\n",
           to_text(program.build(sample_inputs(program, random))));
      FAIL_CHECK(failures.front());
    }
  }
}

TEST_CASE("divergence and diagonal of random sample-wise fields are those of their Jacobians") {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + program_count(); ++seed) {
    const RandomField random = random_field(seed);
    INFO("NABLAFLOW_FUZZ_SEED=", seed, "\n", to_text(random.field(random.x)));
    const std::int64_t batch = random.x.shape()[0];
    const std::int64_t width = random.x.size() / batch;
    const Tensor per_sample = sample_jacobian(random.field, random.x);
    const Diagonals expected = diagonals(elements(per_sample), batch, width, true);
    const Diagonals full = diagonals(elements(jacobian(random.field, random.x)), batch, width, false);
    const std::vector<double> divergences = elements(divergence(random.field, random.x));
    REQUIRE(divergences.size() == expected.trace.size());
    for (std::size_t b = 0; b < divergences.size(); ++b) {
      const double bound = 1e-12 * expected.absolute[b] + 1e-14;
      CHECK(std::abs(divergences[b] - expected.trace[b]) <= bound);
      CHECK(std::abs(divergences[b] - full.trace[b]) <= bound);
    }
    Failures failures;
    expect_close(failures, "jacobian_diagonal", elements(jacobian_diagonal(random.field, random.x)),
                 expected.diagonal, 1e-12);
    expect_close(failures, "diagonal of jacobian", full.diagonal, expected.diagonal, 1e-12);
    expect_close(failures, "reverse mode",
                 sample_jacobian(random.field, random.x, {.method = JacobianMethod::reverse}),
                 sample_jacobian(random.field, random.x, {.method = JacobianMethod::forward}), 1e-12);
    expect_close(failures, "one direction at a time",
                 sample_jacobian(random.field, random.x, {.tangent_bytes = 1}), per_sample, 1e-12);
    expect_close(failures, "divergence, one direction at a time",
                 elements(divergence(random.field, random.x, {.tangent_bytes = 1})), divergences, 1e-12);
    // Two at a time: rows of an identity that do not begin at its first.
    const std::int64_t two = 2 * random.x.size() * static_cast<std::int64_t>(sizeof(double));
    expect_close(failures, "two directions at a time",
                 sample_jacobian(random.field, random.x, {.tangent_bytes = two}), per_sample, 1e-12);
    expect_close(failures, "divergence, two directions at a time",
                 elements(divergence(random.field, random.x, {.tangent_bytes = two})), divergences, 1e-12);
    expect_close(failures, "jacobian_diagonal, two directions at a time",
                 elements(jacobian_diagonal(random.field, random.x, {.tangent_bytes = two})),
                 expected.diagonal, 1e-12);
    const Tensor whole = jacobian(random.field, random.x);
    evaluate({whole});
    const WithoutOptimisations reference;
    const Tensor x = random.x.detach();
    const std::vector<double> traces = elements(divergence(random.field, x));
    for (std::size_t b = 0; b < divergences.size(); ++b)
      CHECK(std::abs(divergences[b] - traces[b]) <= 1e-12 * expected.absolute[b] + 1e-14);
    expect_close(failures, "without optimisations: jacobian_diagonal",
                 elements(jacobian_diagonal(random.field, x)), expected.diagonal, 1e-12);
    expect_close(failures, "without optimisations: sample_jacobian", sample_jacobian(random.field, x),
                 per_sample, 1e-12);
    expect_close(failures, "without optimisations: jacobian", jacobian(random.field, x), whole, 1e-12);
    for (const std::string& failure : failures) FAIL_CHECK(failure);
  }
}

}  // namespace nabla::spec
