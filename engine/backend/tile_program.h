#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/graph/primitive.h"

namespace nabla {

/// Primitives in single-assignment form, computed together over one shape, so that what one hands to the next
/// never reaches memory. Values 0 .. inputs-1 are read; instruction i makes value inputs + i.
///
/// A folded program also has values that are one for all places along some axes of the shape: they repeat
/// there or were reduced there. With `rows` these are the innermost axes, an instruction may be a primitive
/// that works along them (sum, softmax), and its result may be used along them again. With `tangents` they
/// are the outermost axes, the only such primitive is sum, and no value that varies along them depends on a
/// sum: instructions come in the order folded (once), varying (for each tangent), sums and what depends on
/// them.
struct TileProgram {
  static constexpr std::size_t kMostOperands = 3;
  struct Instruction {
    const Primitive* primitive;
    std::array<int, kMostOperands> operands;  ///< values; as many as the primitive has
    int operand_count;
  };
  enum class Fold { none, rows, tangents };

  int inputs = 0;
  std::vector<DType> dtypes;  ///< of all values
  std::vector<Instruction> instructions;
  std::vector<int> outputs;  ///< values that are stored
  Fold fold = Fold::none;
  int folded_axes = 0;
  std::vector<bool> folded;  ///< of all values, or empty: one for all places along the folded axes?

  bool is_folded(int value) const { return !folded.empty() && folded[value]; }
  /// Adds an instruction and returns the value that it makes. @throws Error for more than kMostOperands
  /// operands.
  int add(const Primitive& primitive, std::span<const int> operands, DType dtype, bool is_folded = false);
};

}  // namespace nabla
