#pragma once

#include "tests/spec/sample.h"

namespace nabla::spec {

/// How large the values of a plan program are: of few elements, or so that work is cut into tasks.
enum class ProgramSize { small, large };

/// Leaves of a random program of many types that has what planning looks at: several results, values used
/// more than once, products with rows of the identity, operands in either order, factors of 1, broadcasts
/// along leading and trailing axes, views between pointwise nodes, bools and integers, casts.
std::vector<Tensor> plan_program_leaves(std::uint64_t seed, ProgramSize size, DType dtype);
/// Its results on these leaves or others of their shapes; no node is shared with another call on fresh
/// leaves, except for constants. Some are hit by a jump where an operand crosses zero, never behind a
/// contraction.
std::vector<Tensor> plan_program(std::uint64_t seed, ProgramSize size, const std::vector<Tensor>& leaves);

}  // namespace nabla::spec
