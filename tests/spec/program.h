#pragma once

#include "tests/spec/sample.h"

namespace nabla::spec {

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
