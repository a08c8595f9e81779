#pragma once

#include <optional>

#include "engine/backend/tile_program.h"
#include "engine/plan/canonical/plan_graph.h"

namespace nabla {

/// What a program runs over, and how it is folded (TileProgram).
struct ProgramShape {
  Shape shape;  ///< without axes of extent 1
  TileProgram::Fold fold = TileProgram::Fold::none;
  int folded_axes = 0;

  /// Of the values that are one for all places along the folded axes.
  Shape folded_shape() const;
  /// Is a value of the program with this shape, written without axes of extent 1, one of these?
  bool folds(const Shape& squeezed_shape) const {
    return fold != TileProgram::Fold::none && !(squeezed_shape == shape);
  }
  friend bool operator==(const ProgramShape&, const ProgramShape&) = default;
};

/// The program that a node could be part of: a pointwise one over its shape, one that works along axes over
/// that of its input, folded there. Nothing if it can be in none, or would not profit.
std::optional<ProgramShape> program_shape(const PlanGraph& graph, const PlanNode& node);

/// The program in which a node of `reader`'s and one of `made`'s could be together, if the first reads the
/// second as its input `input` (a node, perhaps with other axes of extent 1).
std::optional<ProgramShape> common_program(const PlanGraph& graph, const PlanNode& node, int input,
                                           const ProgramShape& reader, const ProgramShape& made);

/// Does every one of the nodes, ascending, find what it reads of the others where the program has it?
/// `base` is PlanGroups::base.
bool is_consistent(const PlanGraph& graph, const std::vector<int>& base, const std::vector<int>& nodes,
                   const ProgramShape& program);

}  // namespace nabla
