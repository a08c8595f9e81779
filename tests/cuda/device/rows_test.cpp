#include <doctest/doctest.h>

#include <utility>

#include "tests/cuda/device/on_device.h"
#include "tests/spec/checks.h"
#include "tests/spec/program.h"
#include "tests/spec/row_graph.h"

// Every row of the spec, and random programs, on the GPU: value, both first derivatives and two second ones.

namespace nabla::test {
namespace {

#ifdef NABLAFLOW_EMULATED_CUDA
// Kernels are compiled one by one by the host's compiler.
constexpr std::size_t kEveryRowInF64 = 8;
constexpr std::uint64_t kPrograms = 12;
#else
constexpr std::size_t kEveryRowInF64 = 1;
constexpr std::uint64_t kPrograms = 200;
#endif

struct Case {
  std::string name;
  Build build;
};

void check_all(const std::vector<Case>& cases) {
  std::vector<Build> builds;
  for (const Case& one : cases) builds.push_back(one.build);
  load_kernels(builds);
  for (const Case& one : cases)
    for (const std::string& failure : compare_with_cpu(one.name + ": ", one.build)) FAIL_CHECK(failure);
}

Case case_of(const spec::Spec& row, const std::string& name, spec::RowArguments arguments) {
  return {name, [&row, arguments = std::move(arguments)] { return value_and_derivatives(row, arguments); }};
}

}  // namespace

TEST_CASE("rows of the spec have the CPU's values and derivatives on the GPU") {
  std::vector<Case> cases;
  for (std::size_t i = 0; i < spec::all_rows().size(); ++i) {
    const spec::Spec& row = spec::all_rows()[i];
    spec::Random random = spec::random_for(row, 80);
    const spec::RowArguments exact = spec::sample_arguments(row, random);
    const std::string name = "row " + spec::name_of(row);
    if (row.f32) cases.push_back(case_of(row, name + ", f32", spec::in_f32(row, exact)));
    if (!row.f32 || i % kEveryRowInF64 == 0) cases.push_back(case_of(row, name + ", f64", exact));
  }
  check_all(cases);
}

TEST_CASE("random programs have the CPU's values and derivatives on the GPU") {
  std::vector<spec::Spec> programs;
  for (std::uint64_t i = 0; i < kPrograms; ++i)
    programs.push_back(spec::random_program(spec::first_seed() + i));
  std::vector<Case> cases;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    spec::Random random = spec::random_for(programs[i], 81);
    cases.push_back(case_of(programs[i], "NABLAFLOW_FUZZ_SEED=" + std::to_string(spec::first_seed() + i),
                            spec::sample_arguments(programs[i], random)));
  }
  check_all(cases);
}

}  // namespace nabla::test
