#include "engine/autodiff/jacobian/colouring.h"

#include <algorithm>
#include <vector>

#include "engine/autodiff/transform.h"
#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

// Does the node show its input's elements in their order, sample by sample?
bool is_renaming(const Node* node) {
  if (node->inputs().empty()) return false;
  const Shape& input = node->inputs()[0]->shape();
  if (input.rank() == 0 || node->shape().rank() == 0 || !(input.first(1) == node->shape().first(1)) ||
      input.size() != node->shape().size())
    return false;
  const std::optional<Layout> view =
      node->primitive().view(Layout::dense(input), node->shape(), node->attributes());
  return view && view->is_dense() && view->offset == 0;
}

// The field between the steps that only rename the elements of whole samples.
struct Inner {
  Tensor from, to;
};
Inner inner_field(const FieldOnVariable& field) {
  Inner inner{field.x, field.y};
  const Dependents between = dependents(field.y, field.x, Through::differentiable);
  const auto only_user = [&](const Node* node) -> Node* {
    Node* user = nullptr;
    for (Node* other : between.nodes)
      if (std::ranges::find(other->inputs(), node) != other->inputs().end()) {
        if (user) return nullptr;
        user = other;
      }
    return user;
  };
  while (Node* user = only_user(&inner.from.node())) {
    if (!is_renaming(user) || user == &inner.to.node()) break;
    inner.from = Tensor(user);
  }
  while (!(inner.to.shape() == inner.from.shape()) && is_renaming(&inner.to.node()) &&
         between.index.find(inner.to.node().inputs()[0]) != NodeMap::kAbsent)
    inner.to = Tensor(inner.to.node().inputs()[0]);
  return inner;
}

// Where an axis of the picture is in a node, and which of its places a place there sees.
struct Seen {
  int axis = 0;  // from the right; 0: nowhere
  std::int64_t first = 0, last = 0;
};

// How far the elements along one axis of `inner.from` reach; nothing if they mix with all.
std::optional<std::int64_t> reach_along(const Inner& inner, const Dependents& between, int axis) {
  std::vector<Seen> seen(between.nodes.size());
  for (std::size_t n = 0; n < between.nodes.size(); ++n) {
    Node* node = between.nodes[n];
    if (node == &inner.from.node()) {
      seen[n] = {axis, 0, 0};
      continue;
    }
    const UseOfNode use(node);
    for (int slot = 0; slot < use.slots(); ++slot) {
      const int at = between.index.find(use.input_node(slot));
      if (at == NodeMap::kAbsent || seen[at].axis == 0) continue;
      const std::optional<AxisWindow> window =
          node->primitive().window_along(use.application(), slot, seen[at].axis);
      if (!window || (seen[n].axis != 0 && seen[n].axis != window->axis)) return std::nullopt;
      const Seen through{window->axis, seen[at].first + window->first, seen[at].last + window->last};
      seen[n] = seen[n].axis == 0 ? through
                                  : Seen{through.axis, std::min(seen[n].first, through.first),
                                         std::max(seen[n].last, through.last)};
    }
  }
  const int at = between.index.find(&inner.to.node());
  if (at == NodeMap::kAbsent) return 0;
  if (seen[at].axis != 0 && seen[at].axis != axis) return std::nullopt;
  return std::max(-seen[at].first, seen[at].last);
}

}  // namespace

std::optional<Colouring> colouring_of(const FieldOnVariable& field) {
  const Inner inner = inner_field(field);
  if (!(inner.to.shape() == inner.from.shape())) return std::nullopt;
  const Dependents between = dependents(inner.to, inner.from, Through::differentiable);
  Colouring colouring{inner.from.shape().without_first(1), {}};
  for (int axis = 1 - inner.from.rank(); axis < 0; ++axis) {
    const std::int64_t extent = inner.from.shape()[axis];
    const std::optional<std::int64_t> reach = extent > 1 ? reach_along(inner, between, axis) : 0;
    colouring.periods.push_back(reach ? std::min(extent, std::max<std::int64_t>(0, *reach) + 1) : extent);
  }
  if (colouring.colours() >= field.extent()) return std::nullopt;
  return colouring;
}

Tensor colour_seeds(const Colouring& colouring, std::int64_t start, std::int64_t stop, DType dtype) {
  Tensor seeds = ones({1, 1}, dtype);
  for (int axis = 0; axis < colouring.picture.rank(); ++axis) {
    const std::int64_t extent = colouring.picture[axis], period = colouring.periods[axis];
    const std::int64_t repeats = (extent + period - 1) / std::max<std::int64_t>(1, period);
    const Tensor repeated =
        broadcast_to(insert_axes(identity(period, dtype), {-2}), {period, repeats, period});
    const Tensor along = slice(reshape(repeated, {period, repeats * period}), 1, 0, extent);
    seeds =
        reshape(einsum("cs,ke->ckse", seeds, along), {seeds.shape()[0] * period, seeds.shape()[1] * extent});
  }
  return slice(seeds, 0, start, stop);
}

}  // namespace nabla
