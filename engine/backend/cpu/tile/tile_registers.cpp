#include "engine/backend/cpu/tile/tile_registers.h"

#include <algorithm>
#include <span>

namespace nabla::cpu {

TileRegisters assign_registers(const TileProgram& program, const std::vector<Loaded>& loaded) {
  const std::size_t inputs = program.inputs;
  TileRegisters registers;
  registers.of_value.assign(program.dtypes.size(), -1);
  std::vector<int> last_use(program.dtypes.size(), -1);
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    const TileProgram::Instruction& instruction = program.instructions[i];
    for (int k = 0; k < instruction.operand_count; ++k)
      last_use[instruction.operands[k]] = static_cast<int>(i);
  }
  std::vector<int> free;
  const auto take = [&](std::size_t value) {
    if (free.empty()) {
      registers.of_value[value] = registers.count++;
    } else {
      registers.of_value[value] = free.back();
      free.pop_back();
    }
  };
  for (std::size_t v = 0; v < inputs; ++v)
    if (loaded[v] != Loaded::no) take(v);
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    const TileProgram::Instruction& instruction = program.instructions[i];
    const std::size_t result = inputs + i;
    const bool stored = std::ranges::find(program.outputs, static_cast<int>(result)) != program.outputs.end();
    const std::span operands(instruction.operands.data(),
                             static_cast<std::size_t>(instruction.operand_count));
    // Elements of another size, or one for each row, do not lie at the same bytes: such an operand is still
    // read while the result is written.
    const auto lies_alike = [&](std::size_t v) {
      return size_of(program.dtypes[v]) == size_of(program.dtypes[result]) &&
             program.is_folded(static_cast<int>(v)) == program.is_folded(static_cast<int>(result));
    };
    const auto release = [&](bool alike) {
      for (std::size_t k = 0; k < operands.size(); ++k) {
        const std::size_t v = operands[k];
        if (registers.of_value[v] < 0 || last_use[v] != static_cast<int>(i)) continue;
        if (v < inputs && loaded[v] == Loaded::for_task) continue;
        // The next tangent reads it again.
        if (program.fold == TileProgram::Fold::tangents && program.is_folded(operands[k])) continue;
        if (lies_alike(v) != alike) continue;
        if (std::find(operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(k), operands[k]) !=
            operands.begin() + static_cast<std::ptrdiff_t>(k))
          continue;  // named twice, released once
        free.push_back(registers.of_value[v]);
      }
    };
    release(true);
    if (!stored) take(result);
    release(false);
    // Nobody reads it: the builder leaves no such instruction, but a register must not leak.
    if (!stored && last_use[result] < 0 &&
        !(program.fold == TileProgram::Fold::tangents && program.is_folded(static_cast<int>(result))))
      free.push_back(registers.of_value[result]);
  }
  return registers;
}

}  // namespace nabla::cpu
