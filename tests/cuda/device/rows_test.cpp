#include <doctest/doctest.h>

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

void check(const spec::Spec& row, const spec::RowArguments& arguments, const std::string& type) {
  for (const std::string& failure : compare_with_cpu(spec::name_of(row) + ", " + type + ": ",
                                                     [&] { return value_and_derivatives(row, arguments); }))
    FAIL_CHECK(failure);
}

}  // namespace

TEST_CASE("rows of the spec have the CPU's values and derivatives on the GPU") {
  for (std::size_t i = 0; i < spec::all_rows().size(); ++i) {
    const spec::Spec& row = spec::all_rows()[i];
    INFO("row ", spec::name_of(row));
    spec::Random random = spec::random_for(row, 80);
    const spec::RowArguments exact = spec::sample_arguments(row, random);
    if (row.f32) check(row, spec::in_f32(row, exact), "f32");
    if (!row.f32 || i % kEveryRowInF64 == 0) check(row, exact, "f64");
  }
}

TEST_CASE("random programs have the CPU's values and derivatives on the GPU") {
  for (std::uint64_t seed = spec::first_seed(); seed < spec::first_seed() + kPrograms; ++seed) {
    const spec::Spec program = spec::random_program(seed);
    INFO("NABLAFLOW_FUZZ_SEED=", seed);
    spec::Random random = spec::random_for(program, 81);
    check(program, spec::sample_arguments(program, random), "f64");
  }
}

}  // namespace nabla::test
