#include "engine/plan/programs/program_shape.h"

#include <algorithm>

#include "engine/backend/device.h"
#include "engine/plan/programs/widened.h"

namespace nabla {
namespace {

using Fold = TileProgram::Fold;

// A row stays in a register from its first instruction to its last: in the first cache, or, of a longer one,
// in the second. Threads share rows, so that there must be some of long ones.
constexpr std::int64_t kLongRow = 4096;
constexpr std::int64_t kLongestRow = 65536;
constexpr std::int64_t kFewestLongRows = 16;
// Tangents are walked one after the other for a piece of the folded shape at a time: pieces are what threads
// share, and a short folded shape would have few.
constexpr std::int64_t kFewestUnderTangents = 16384;
// Fewer will do where a sum of its own would need a wide copy of a leaf: threads wait, but for memory they
// would wait longer.
constexpr std::int64_t kFewestUnderWidened = 512;
// With more tangents than this, what is computed once for all of them costs nothing anyway.
constexpr std::int64_t kMostTangents = 16;

// A program over `shape` that is folded along the axes of it, from the left, for which `is_folded` holds.
template <class IsFolded>
std::optional<ProgramShape> folded_along(const Shape& shape, bool has_sum, IsFolded is_folded,
                                         std::int64_t fewest = kFewestUnderTangents) {
  ProgramShape program;
  std::int64_t outer = 0, inner = 0;  // folded axes in front of all others, and behind them
  std::int64_t count = 1;
  bool is_block = true;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    program.shape.push_back(shape[axis]);
    if (is_folded(axis)) {
      count *= shape[axis];
      ++(program.shape.rank() == outer + 1 ? outer : inner);
    } else {
      is_block = is_block && inner == 0;
    }
  }
  if (count < 2 || !is_block) return std::nullopt;
  if (outer == program.shape.rank()) std::swap(outer, inner);  // all of them: one row
  if ((outer > 0) == (inner > 0)) return std::nullopt;
  program.fold = inner > 0 ? Fold::rows : Fold::tangents;
  program.folded_axes = static_cast<int>(std::max(outer, inner));
  if (program.fold == Fold::rows && count > kLongRow &&
      (count > kLongestRow || program.shape.size() / count < kFewestLongRows))
    return std::nullopt;
  if (program.fold == Fold::tangents &&
      (program.shape.size() / count < fewest || (!has_sum && count > kMostTangents)))
    return std::nullopt;
  return program;
}

bool reads_along_axes(const PlanNode& node) { return node.primitive->along_axes() != AlongAxes::nothing; }

}  // namespace

Shape ProgramShape::folded_shape() const {
  if (fold == Fold::tangents) return shape.without_first(folded_axes);
  return fold == Fold::rows ? shape.first(shape.rank() - folded_axes) : shape;
}

std::optional<ProgramShape> program_shape(const PlanGraph& graph, const PlanNode& node) {
  if (node.is_leaf()) return std::nullopt;
  if (node.primitive->is_pointwise()) return ProgramShape{squeezed(node.shape)};
  if (!reads_along_axes(node) || !is_floating(node.dtype)) return std::nullopt;
  const Shape& input = graph[node.inputs[0]].shape;
  const bool is_widened = current_device() == Device::cpu && is_of_widened_leaves(graph, node.inputs[0]);
  std::optional<ProgramShape> program = folded_along(
      input, true, [&](int axis) { return node.attributes.contains(axis - input.rank()); },
      is_widened ? kFewestUnderWidened : kFewestUnderTangents);
  if (program && program->fold == Fold::tangents && node.op() != Op::sum) return std::nullopt;
  return program;
}

std::optional<ProgramShape> common_program(const PlanGraph& graph, const PlanNode& node, int input,
                                           const ProgramShape& reader, const ProgramShape& made) {
  ProgramShape common = reader;
  const Shape& read = graph[input].shape;
  if (node.primitive->is_pointwise() && !(squeezed(read) == squeezed(node.shape))) {
    const auto repeats = [&](int axis) { return read[axis] == 1; };
    const std::optional<ProgramShape> folded = folded_along(node.shape, made.fold == Fold::tangents, repeats);
    if (!folded || (reader.fold != Fold::none && !(reader == *folded))) return std::nullopt;
    common = *folded;
  }
  if (common.fold == Fold::none) return made;
  if (made.fold != Fold::none && !(made == common)) return std::nullopt;
  return common;
}

bool is_consistent(const PlanGraph& graph, const std::vector<int>& base, const std::vector<int>& nodes,
                   const ProgramShape& program) {
  if (program.fold == Fold::none) return true;
  std::vector<bool> behind_sum(nodes.size(), false);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const PlanNode& node = graph[nodes[i]];
    behind_sum[i] = reads_along_axes(node);
    for (const int input : node.inputs) {
      const auto made = std::ranges::lower_bound(nodes, base[input]);
      if (made == nodes.end() || *made != base[input]) continue;
      const bool read_folded = program.folds(squeezed(graph[input].shape));
      const bool reads_all = reads_along_axes(node) || !program.folds(squeezed(node.shape));
      if (reads_along_axes(node) && read_folded) return false;
      if (reads_all && read_folded) {
        const auto common = common_program(graph, node, input, program, program);
        if (!common || !(*common == program)) return false;
      }
      if (behind_sum[made - nodes.begin()]) behind_sum[i] = true;
    }
    if (program.fold == Fold::tangents && behind_sum[i] && !program.folds(squeezed(node.shape))) return false;
  }
  return true;
}

}  // namespace nabla
