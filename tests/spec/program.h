#pragma once

#include "tests/spec/sample.h"

namespace nabla::spec {

/// How many random programs a test runs, and from which seed: NABLAFLOW_FUZZ_PROGRAMS and
/// NABLAFLOW_FUZZ_SEED (the number that a failure prints), or 1000 from 1.
std::uint64_t program_count();
std::uint64_t first_seed();
/// How many random nests: NABLAFLOW_FUZZ_NESTS, or 60.
std::uint64_t nest_count();

/// A random composition of primitives, as a row. Its sampler keeps away from the kinks of the primitives it
/// uses.
Spec random_program(std::uint64_t seed);

/// A random field that maps samples [B, *S] to [B, *S] row by row, with constants captured.
struct RandomField {
  Field field;
  Tensor x;
};
RandomField random_field(std::uint64_t seed);

}  // namespace nabla::spec
