#pragma once

#include <source_location>
#include <vector>

#include "engine/graph/primitive.h"
#include "engine/plan/canonical/plan_key.h"

namespace nabla {

/// One node of a graph that is being turned into a plan.
struct PlanNode {
  const Primitive* primitive;  ///< null for a leaf
  Attributes attributes;
  std::vector<int> inputs;
  Shape shape;
  DType dtype;
  Layout layout;  ///< of a leaf
  std::source_location where;
  bool donated = false;  ///< a leaf whose memory may be overwritten

  bool is_leaf() const { return primitive == nullptr; }
  Op op() const { return primitive ? primitive->op() : Op::leaf; }
};

/// What one evaluation has to compute, as passes see and rewrite it: nodes by index, inputs before users. The
/// tensors' own graph stays as it is.
struct PlanGraph {
  /// A node that somebody holds a handle to and that is not asked for.
  struct Held {
    int place;  ///< in the schedule
    int node;
  };

  std::vector<PlanNode> nodes;
  std::vector<int> outputs;  ///< asked for
  std::vector<Held> held;

  const PlanNode& operator[](int node) const { return nodes[node]; }
};

/// Are variables refused, because a value is wanted, or do they stand for values of their shape and type?
enum class Variables { refused, stand_for_values };

/// @throws Error if an output depends on a variable, unless variables stand for values.
PlanGraph make_plan_graph(const Schedule& schedule, std::span<const Tensor> outputs,
                          Variables variables = Variables::refused);

/// The shape without its axes of extent 1.
Shape squeezed(const Shape& shape);
/// Is the node only another name for its input's elements, in their order, with axes of extent 1 more or
/// less?
bool renames_input(const PlanGraph& graph, const PlanNode& node);
/// For every node, the one whose memory it shows where that lies in row-major order: itself, or through views
/// an earlier one.
std::vector<int> memory_owners(const PlanGraph& graph);

}  // namespace nabla
