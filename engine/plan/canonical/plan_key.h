#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/graph/walk.h"

namespace nabla {

/// The part of a graph that one evaluation needs: from nodes that hold a value to the outputs.
struct Schedule {
  /// Leaves by their first use, then operations in the order in which they were built.
  std::vector<Node*> order;
  /// Of a node in `order`.
  NodeMap place;
  /// By a handle, when the schedule was made; another thread may let go meanwhile.
  std::vector<bool> held;
  /// Leaves whose memory the run may overwrite once they have been read.
  std::vector<bool> donated;
};
/// The nodes behind `outputs` as far as values have to be computed. Code that works in chunks builds its
/// graph in chunks, and is run in that order.
Schedule make_schedule(std::span<const Tensor> outputs, std::span<const Tensor> donated = {});

/// All that a plan is made from: primitives, attributes, shapes, types, layouts of leaves, which nodes are
/// asked for or held, which leaves are donated, whether it is optimised, for which device, and who uses whom
/// by position. Not values, not which nodes or leaves they are, and not the lines that built them.
class PlanKey {
 public:
  PlanKey(const Schedule& schedule, std::span<const Tensor> outputs, bool optimised);

  std::uint64_t hash() const { return hash_; }
  friend bool operator==(const PlanKey& a, const PlanKey& b) {
    return a.hash_ == b.hash_ && a.words_ == b.words_;
  }

 private:
  void add(std::uint64_t word) { words_.push_back(word); }
  void add_leaf(const Node& node, bool donated);
  void add_operation(const Node& node, bool held, const NodeMap& place);

  std::vector<std::uint64_t> words_;
  std::uint64_t hash_ = 0;
};

}  // namespace nabla
