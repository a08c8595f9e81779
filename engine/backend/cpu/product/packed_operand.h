#pragma once

#include <optional>

#include "engine/backend/backend.h"

namespace nabla::cpu {

/// The right operand of a contraction that is one f32 product of matrices, if that is the one asked for and
/// oneDNN would copy it in every call.
std::optional<PackedOperand> packed_contraction_operand(const StepDescription& contraction, std::size_t slot);

}  // namespace nabla::cpu
