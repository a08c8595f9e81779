#pragma once

#include <string_view>

namespace nabla {

/// What the pointwise kernels are compiled for. The results are the same to the last bit; only the speed
/// differs.
enum class InstructionSet {
  baseline,  ///< what every processor of the architecture has (x86-64: SSE2)
  avx2,      ///< 256-bit vectors, on x86-64
};
std::string_view name_of(InstructionSet set);

/// The one in use: at first the best that this processor has.
InstructionSet instruction_set();
/// Chooses another, for comparisons. @throws Error if this processor or this build does not have it.
void set_instruction_set(InstructionSet set);

}  // namespace nabla
