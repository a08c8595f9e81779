#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "engine/backend/cpu/kernels/row_reductions.h"
#include "engine/backend/cpu/tile/pointwise_rows.h"
#include "engine/backend/cpu/tile/tile_values.h"

namespace nabla::cpu {

/// An instruction as the interpreter runs it on one tile.
class TileInstruction {
 public:
  /// Instruction `index` of `values.program()`, unless it is a sum over tangents.
  TileInstruction(const TileValues& values, std::size_t index);
  /// `at` is where each value of the tile starts; `count` elements, whole rows in a program over rows.
  void run(InstructionSet set, std::span<std::byte* const> at, std::int64_t count) const;

 private:
  enum class Kind { pointwise, along_rows, spread };
  Kind kind_ = Kind::pointwise;
  int operand_count_;
  std::array<std::size_t, TileProgram::kMostOperands> operands_;
  std::array<std::int64_t, 3> strides_;
  std::size_t result_;
  std::int64_t result_size_;  // of an element
  Variants<PointwiseRow> pointwise_{};
  Variants<RowsLoop> along_rows_{};
  std::int64_t row_, row_step_ = 0;
  std::int64_t elements_per_result_ = 1;
};

}  // namespace nabla::cpu
