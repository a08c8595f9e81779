#include "engine/backend/cpu/tile/tile_instruction.h"

#include <algorithm>

namespace nabla::cpu {

TileInstruction::TileInstruction(const TileValues& values, std::size_t index) : row_(values.row()) {
  const TileProgram& program = values.program();
  const TileProgram::Instruction& from = program.instructions[index];
  operand_count_ = from.operand_count;
  result_ = static_cast<std::size_t>(program.inputs) + index;
  result_size_ = static_cast<std::int64_t>(size_of(program.dtypes[result_]));
  const bool folded = program.is_folded(static_cast<int>(result_));
  std::array<DType, 3> types{};
  for (std::size_t k = 0; k < static_cast<std::size_t>(operand_count_); ++k) {
    operands_[k] = static_cast<std::size_t>(from.operands[k]);
    types[k] = program.dtypes[operands_[k]];
    const TilePlace& place = values.places()[operands_[k]];
    // What is one for each row stands still in a tile of a single row.
    strides_[k] = place.folded && !folded && row_ > 1 ? 0 : place.stride;
  }
  if (!from.primitive) {
    kind_ = Kind::spread;
  } else if (from.primitive->is_pointwise()) {
    if (folded) elements_per_result_ = row_;
    pointwise_ = pointwise_row(*from.primitive, {types.data(), static_cast<std::size_t>(operand_count_)},
                               program.dtypes[result_]);
  } else {
    kind_ = Kind::along_rows;
    along_rows_ = row_reduction(from.primitive->op(), types[0]);
    const TilePlace& place = values.places()[operands_[0]];
    strides_[0] = place.folded ? 0 : place.stride;
    row_step_ = place.folded ? place.stride : place.stride * row_;
  }
}

void TileInstruction::run(InstructionSet set, std::span<std::byte* const> at, std::int64_t count) const {
  switch (kind_) {
    case Kind::pointwise: {
      const void* operands[TileProgram::kMostOperands] = {};
      for (int k = 0; k < operand_count_; ++k) operands[k] = at[operands_[k]];
      return pointwise_.at(set)(at[result_], operands, strides_.data(), count / elements_per_result_);
    }
    case Kind::along_rows:
      return along_rows_.at(set)(at[result_], {at[operands_[0]], row_step_, strides_[0], row_}, count / row_);
    case Kind::spread:
      break;
  }
  visit_size(result_size_, [&](auto element) {
    using T = decltype(element);
    const T* from = reinterpret_cast<const T*>(at[operands_[0]]);
    T* to = reinterpret_cast<T*>(at[result_]);
    for (std::int64_t r = 0; r < count / row_; ++r) std::fill(to + r * row_, to + (r + 1) * row_, from[r]);
  });
}

}  // namespace nabla::cpu
