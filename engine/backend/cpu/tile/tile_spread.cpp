#include "engine/backend/cpu/tile/tile_spread.h"

namespace nabla::cpu {

TileProgram with_spreads(const TileProgram& program, const std::vector<bool>& is_uniform) {
  TileProgram spread;
  spread.inputs = program.inputs;
  spread.fold = program.fold;
  spread.folded_axes = program.folded_axes;
  const auto inputs = static_cast<std::ptrdiff_t>(program.inputs);
  spread.dtypes.assign(program.dtypes.begin(), program.dtypes.begin() + inputs);
  spread.folded.assign(program.folded.begin(), program.folded.begin() + inputs);
  std::vector<int> place(program.dtypes.size());          // of the program's values in the new one
  std::vector<int> spread_of(program.dtypes.size(), -1);  // where they are spread
  for (int v = 0; v < program.inputs; ++v) place[v] = v;
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    const TileProgram::Instruction& from = program.instructions[i];
    const std::size_t result = static_cast<std::size_t>(program.inputs) + i;
    std::array<int, TileProgram::kMostOperands> operands{};
    for (std::size_t k = 0; k < static_cast<std::size_t>(from.operand_count); ++k) {
      const std::size_t v = from.operands[k];
      operands[k] = place[v];
      const bool uniform = v < is_uniform.size() && is_uniform[v];
      if (!from.primitive->is_pointwise() || program.folded[result] || !program.folded[v] || uniform)
        continue;
      if (spread_of[v] < 0) {
        spread_of[v] = spread.add(*from.primitive, std::span(&place[v], 1), program.dtypes[v]);
        spread.instructions.back().primitive = nullptr;
      }
      operands[k] = spread_of[v];
    }
    place[result] =
        spread.add(*from.primitive, {operands.data(), static_cast<std::size_t>(from.operand_count)},
                   program.dtypes[result], program.folded[result]);
  }
  for (const int output : program.outputs) spread.outputs.push_back(place[output]);
  return spread;
}

}  // namespace nabla::cpu
