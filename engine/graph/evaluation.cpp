#include "engine/graph/evaluation.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <iterator>
#include <utility>

#include "engine/graph/node.h"
#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"

namespace nabla {
namespace {

// A leaf like others, but for its attributes: the function's name, the number of its call, then the ids of
// what it was computed from, ascending. No id is given twice, so that nothing need be kept alive.
class EvaluatedLeaf final : public Primitive {
 public:
  EvaluatedLeaf() : Primitive("leaf", Class::nondifferentiable) {}
  TensorType infer(Inputs, const Attributes&) const override { throw Error("leaf: is not an operator"); }
  std::optional<Tensor> jvp(const Application&, Tangents) const override { return std::nullopt; }
  std::optional<Tensor> vjp(const Application&, int, const Tensor&) const override { return std::nullopt; }
  std::optional<int> carried_axis(const Application&, int, int) const override { return std::nullopt; }
  std::string describe(const Attributes& attributes) const override {
    return attributes.empty() ? "compiled" : function_of(attributes);
  }

  static const char* function_of(const Attributes& attributes) {
    return std::bit_cast<const char*>(attributes[0]);
  }
};

const EvaluatedLeaf& kEvaluated = *new EvaluatedLeaf;
// The same without attributes.
const EvaluatedLeaf& kCompiled = *new EvaluatedLeaf;

bool is_evaluated(const Node& node) { return &node.primitive() == &kEvaluated; }
std::span<const std::int64_t> sources_of(const Node& leaf) { return leaf.attributes().from(2); }

}  // namespace

Evaluation::Evaluation(const char* function) : function_(function) {
  static std::atomic<std::int64_t> calls = 0;
  call_ = ++calls;
}

const Tensor& Evaluation::reads(const Tensor& x) {
  note_history(x);
  note({static_cast<std::int64_t>(x.node().id())});
  return x;
}

Tensor Evaluation::leaf(const Tensor& x) {
  note_history(x);
  Array value;
  try {
    value = x.value();
  } catch (const Error& error) {
    throw Error(std::string(function_) +
                ": it evaluates what it computes, and no transform goes through it; " + error.what());
  }
  return make_leaf(kEvaluated, x.shape(), x.dtype(), std::move(value),
                   Attributes({std::bit_cast<std::int64_t>(function_), call_}, sources_));
}

// Derivatives are taken by what somebody holds: other nodes need not be remembered.
void Evaluation::note_history(const Tensor& x) {
  std::vector<std::int64_t> found;
  for (const Node* node : nodes_behind(x)) {
    if (is_evaluated(*node)) {
      if (node->attributes()[1] == call_) continue;  // what it depends on has been noted
      const std::span<const std::int64_t> sources = sources_of(*node);
      found.insert(found.end(), sources.begin(), sources.end());
    }
    if (node != &x.node() && is_floating(node->dtype()) && node->has_handle())
      found.push_back(static_cast<std::int64_t>(node->id()));
  }
  note(std::move(found));
}

void Evaluation::note(std::vector<std::int64_t> ids) {
  std::ranges::sort(ids);
  std::vector<std::int64_t> merged;
  std::ranges::set_union(sources_, ids, std::back_inserter(merged));
  merged.erase(std::ranges::unique(merged).begin(), merged.end());
  sources_ = std::move(merged);
}

Tensor compiled_leaf(Array value) {
  const Shape shape = value.shape();
  const DType dtype = value.dtype;
  return make_leaf(kCompiled, shape, dtype, std::move(value));
}

bool is_compiled(const Node& leaf) { return &leaf.primitive() == &kCompiled; }

bool was_evaluated_from(const Node& leaf, const Node& x) {
  if (!is_evaluated(leaf)) return false;
  if (is_evaluated(x) && x.attributes()[1] == leaf.attributes()[1] && x.id() < leaf.id()) return true;
  return std::ranges::binary_search(sources_of(leaf), static_cast<std::int64_t>(x.id()));
}

const char* evaluating_function(const Node& leaf) {
  return is_evaluated(leaf) ? EvaluatedLeaf::function_of(leaf.attributes()) : nullptr;
}

}  // namespace nabla
