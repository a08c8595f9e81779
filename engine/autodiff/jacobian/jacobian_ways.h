#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/autodiff/contraction/elimination_order.h"
#include "engine/autodiff/jacobian/jacobian.h"

namespace nabla {

/// A way to the exact trace, diagonal or whole Jacobian of each sample, and what its plan takes together with
/// the field's own values.
struct JacobianWay {
  enum class Kind { tangents, cotangents, colours, contraction };
  Kind kind;
  std::string name;                            ///< "784 tangents", "49 colours", "contracted, searched", ..
  std::optional<EliminationOrder> order = {};  ///< of a contraction
  std::int64_t matrix_elements = 0;            ///< of a contraction: of the largest matrix that is formed
  std::int64_t at_once = 1;                    ///< directions, of a contraction samples
  double once = 0;                             ///< operations that do not depend on the argument
  double total = 0;                            ///< all floating-point operations
  double bytes_moved = 0;                      ///< what the steps of the plan read and write
  double bytes = 0;                            ///< that the plan takes at once
  bool fits = true;                            ///< into tangent_bytes beside the field's own values

  /// What ways are compared by: operations, and the traffic as operations that take the same time.
  double work() const { return total + 4 * bytes_moved; }
};

/// Checks that no option is set that the method does not use. @throws Error naming `what`, method and option.
void check_options(const char* what, const JacobianOptions& options);

/// All ways: tangents, cotangents, colours of trace and diagonal where elements reach not far, and
/// contractions in the orders that were found for the field.
std::vector<JacobianWay> jacobian_ways(const FieldOnVariable& field, EliminationGoal goal,
                                       const JacobianOptions& options);

/// The way that the method takes: for automatic that with the least work among those that fit, one by one
/// where this has so few operations that nothing is gained; where none fits, that with the fewest bytes.
/// Cached by the structure of the field.
JacobianWay chosen_way(const FieldOnVariable& field, EliminationGoal goal, const JacobianOptions& options);

/// The trace [B], the diagonal [B, *S] or the whole [B, *S', *S] on the field's variable.
Tensor by_way(const FieldOnVariable& field, EliminationGoal goal, const JacobianWay& way);

}  // namespace nabla
