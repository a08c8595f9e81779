#pragma once

#include <string_view>

namespace nabla {

/// What the kernels are compiled for. The results are the same to the last bit but for products of matrices,
/// which fused multiply-add rounds less often; else only the speed differs.
enum class InstructionSet {
  baseline,  ///< what every processor of the architecture has (x86-64: SSE2)
  avx2,      ///< 256-bit vectors and fused multiply-add: processors of the level x86-64-v3
  avx512,    ///< 512-bit vectors, with AVX512F, VL, DQ and BW: the level x86-64-v4
};
std::string_view name_of(InstructionSet set);

/// The one in use: at first the best that this processor has.
InstructionSet instruction_set();
/// Chooses another, for comparisons. @throws Error if this processor or this build does not have it.
void set_instruction_set(InstructionSet set);

}  // namespace nabla
