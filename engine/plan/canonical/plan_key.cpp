#include "engine/plan/canonical/plan_key.h"

#include <algorithm>
#include <bit>

#include "engine/backend/backend.h"
#include "engine/graph/primitive.h"

namespace nabla {
namespace {

// Every node begins with one of these or, for an operation, with its primitive's address, which is larger.
enum Mark : std::uint64_t { kLeafMark = 1, kOutputsMark = 2 };

std::uint64_t hash_of(std::span<const std::uint64_t> words) {
  std::uint64_t hash = words.size();
  for (const std::uint64_t word : words) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 29;
  }
  return hash;
}

// How many handles of this thread's temporaries refer to a node.
class TemporaryHandles {
 public:
  TemporaryHandles() : tensors_(Operand::temporaries()) {
    // An operand may have been handed on, as the temporary that it is.
    std::ranges::sort(tensors_);
    const auto again = std::ranges::unique(tensors_);
    tensors_.erase(again.begin(), again.end());
    std::erase_if(tensors_, [](const Tensor* tensor) { return !tensor->defined(); });
    std::ranges::sort(tensors_, {}, &node_of);
  }
  std::uint64_t of(const Node* node) const {
    return std::ranges::equal_range(tensors_, node, {}, &node_of).size();
  }

 private:
  static const Node* node_of(const Tensor* tensor) { return &tensor->node(); }
  std::vector<const Tensor*> tensors_;
};

}  // namespace

Schedule make_schedule(std::span<const Tensor> outputs, std::span<const Tensor> donated) {
  NodeMap seen;
  std::vector<Node*> reached;
  const auto reach = [&](Node* node) {
    if (seen.insert(node, 0)) reached.push_back(node);
  };
  for (const Tensor& output : outputs) reach(&output.node());
  for (std::size_t i = 0; i < reached.size(); ++i)
    if (!reached[i]->has_value())
      for (Node* input : reached[i]->inputs()) reach(input);
  const auto first_leaf =
      std::partition(reached.begin(), reached.end(), [](const Node* node) { return !node->has_value(); });
  const std::span<Node*> operations(reached.begin(), first_leaf);
  std::ranges::sort(operations, {}, &Node::id);

  const TemporaryHandles temporaries;
  Schedule schedule;
  schedule.place = NodeMap(reached.size());
  const auto append = [&](Node* node) {
    if (!schedule.place.insert(node, static_cast<int>(schedule.order.size()))) return;
    schedule.order.push_back(node);
    schedule.held.push_back(node->handles() > temporaries.of(node));
  };
  // Leaves by their first use, not by age: a parameter is younger in the second turn of a loop than in the
  // first.
  for (Node* node : operations)
    for (Node* input : node->inputs())
      if (input->has_value()) append(input);
  for (const Tensor& output : outputs)
    if (output.node().has_value()) append(&output.node());
  for (Node* node : operations) append(node);
  schedule.donated.resize(schedule.order.size(), false);
  for (const Tensor& leaf : donated)
    if (const int at = schedule.place.find(&leaf.node()); at != NodeMap::kAbsent) schedule.donated[at] = true;
  return schedule;
}

PlanKey::PlanKey(const Schedule& schedule, std::span<const Tensor> outputs, bool optimised) {
  words_.reserve(schedule.order.size() * 12);
  add(optimised);
  add(std::bit_cast<std::uintptr_t>(&current_backend()));
  add(static_cast<std::uint64_t>(product_precision()));
  for (std::size_t i = 0; i < schedule.order.size(); ++i) {
    const Node& node = *schedule.order[i];
    node.has_value() ? add_leaf(node, schedule.donated[i])
                     : add_operation(node, schedule.held[i], schedule.place);
  }
  add(kOutputsMark);
  for (const Tensor& output : outputs) add(static_cast<std::uint64_t>(schedule.place.find(&output.node())));
  hash_ = hash_of(words_);
}

void PlanKey::add_leaf(const Node& node, bool donated) {
  const Layout& layout = node.value().layout;
  const int rank = layout.shape.rank();
  add(kLeafMark);
  // Who holds a leaf decides nothing: it has its value.
  add(static_cast<std::uint64_t>(node.dtype()) | static_cast<std::uint64_t>(rank) << 8 |
      static_cast<std::uint64_t>(donated) << 16);
  for (int axis = 0; axis < rank; ++axis) {
    add(static_cast<std::uint64_t>(layout.shape[axis]));
    add(static_cast<std::uint64_t>(layout.strides[axis]));
  }
  add(static_cast<std::uint64_t>(layout.offset));
}

void PlanKey::add_operation(const Node& node, bool held, const NodeMap& place) {
  add(std::bit_cast<std::uintptr_t>(&node.primitive()));
  add(static_cast<std::uint64_t>(node.dtype()) | static_cast<std::uint64_t>(node.shape().rank()) << 8 |
      static_cast<std::uint64_t>(held) << 16);
  for (const std::int64_t extent : node.shape().extents()) add(static_cast<std::uint64_t>(extent));
  add(node.attributes().size());
  for (const std::int64_t attribute : node.attributes()) add(static_cast<std::uint64_t>(attribute));
  add(node.inputs().size());
  for (const Node* input : node.inputs()) add(static_cast<std::uint64_t>(place.find(input)));
}

}  // namespace nabla
