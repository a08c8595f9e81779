#pragma once

#include <cstddef>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "engine/backend/tile_program.h"
#include "engine/tensor/layout.h"

namespace nabla::cuda::test {

const Primitive& named(std::string_view primitive);

/// A tile program with operands to run it on.
struct TileCase {
  TileProgram program;
  Shape shape;
  std::vector<Layout> layouts;
  std::vector<std::vector<std::byte>> memory;  ///< of the inputs: no more than the layouts reach
  std::vector<bool> exact;  ///< of all values: does it not depend on the order of a sum, or on sigmoid?

  DType dtype(int value) const { return program.dtypes[value]; }
  /// Adds an input; it is folded if it repeats along the folded axes. Fold, axes and shape are set before.
  int input(DType dtype, const Layout& layout);
  int add(std::string_view primitive, std::vector<int> operands, DType result, bool folded = false);
  /// Elements for all inputs: small multiples of 1/8 and whole numbers over all bits, with some NaN,
  /// infinities and zeros if `special`.
  void fill(std::mt19937& random, bool special);
  /// What an output holds.
  std::int64_t elements(std::size_t output) const;
};

/// A layout over `shape` that is dense, or lies in one of the strange ways: in another order of axes, turned
/// around, with gaps, repeated, behind an offset. It repeats along the axes where `repeats` says so.
Layout random_layout(std::mt19937& random, const Shape& shape, const std::vector<bool>& repeats);

/// A program of some instructions out of all that a program of this fold may have.
TileCase random_case(std::mt19937& random, const Shape& shape, TileProgram::Fold fold, int folded_axes);

}  // namespace nabla::cuda::test
