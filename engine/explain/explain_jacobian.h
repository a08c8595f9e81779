#pragma once

#include <source_location>
#include <string>
#include <vector>

#include "engine/autodiff/contraction/jacobian_contraction.h"
#include "engine/autodiff/jacobian/jacobian_ways.h"

namespace nabla {

/// How `divergence` would compute the trace of a sample-wise field: the linear pieces of its Jacobian, what
/// each way takes, and which is chosen and why.
struct DivergenceExplanation {
  ContractionPlan plan;  ///< the pieces
  /// Tangents, contractions, those that take the least first, and cotangents.
  std::vector<JacobianWay> ways;
  std::size_t chosen = 0;  ///< index of a way
  std::string reason;

  /// The order of the chosen way; nullptr for tangents and cotangents.
  const EliminationOrder* chosen_contraction() const;
  /// Operations of tangents by those of the chosen way.
  double saving() const;
  /// The pieces, the ways with what they take, each primitive that is applied instead of formed with the line
  /// that built it and why, and the choice.
  std::string text() const;
  /// A picture of the layers and of the order in which they are eliminated, as one SVG element. What only
  /// scales is left out of it.
  std::string svg() const;
};

/// Every way is planned and nothing is computed: the figures are those of the plan that `divergence` runs at
/// a leaf. @throws Error as divergence does, and for a method that is not exact for every field.
DivergenceExplanation explain_divergence(const Field& v, const Tensor& x, const JacobianOptions& options = {},
                                         std::source_location where = std::source_location::current());

}  // namespace nabla
