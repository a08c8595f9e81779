#pragma once

#include <optional>
#include <span>

#include "engine/backend/backend.h"

namespace nabla::cpu {

/// The right operand of a contraction that is one f32 product of matrices, if that is the one asked for and
/// oneDNN would copy it in every call.
std::optional<PackedOperand> packed_contraction_operand(std::span<const Layout> inputs, const Layout& output,
                                                        const Attributes& summed, std::size_t slot);

}  // namespace nabla::cpu
