#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/plan/plan.h"

namespace nabla {

/// A plan whose products find operands that last in the layout which the backend reads fastest.
struct PackedPlan {
  std::shared_ptr<const Plan> plan;
  /// Its leaves: which of those it had, by position, and behind them the results of `packing`.
  std::vector<std::size_t> read;
  std::shared_ptr<const Plan> packing;
  /// The leaves of `packing`: which of those that the plan had.
  std::vector<std::size_t> packed;
};

/// `lasting` tells of each leaf whether it stays the same over many runs. Nothing where no operand of a step
/// that does would better be packed.
std::optional<PackedPlan> with_packed_operands(const Plan& plan, const std::vector<bool>& lasting);

}  // namespace nabla
