#include "engine/autodiff/linear_graph.h"

#include <numeric>

#include "engine/autodiff/alignment.h"
#include "engine/autodiff/jvp.h"
#include "engine/graph/walk.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

// Larger matrices of constant operators are not formed (a permutation of a large picture).
constexpr std::int64_t kMostElements = std::int64_t{1} << 26;

// A value of a node as [leading, B or 1, elements of a sample]. `axis` holds the samples, from the right.
Tensor flat_samples(const Tensor& x, int leading, int rank, int axis) {
  const int at = x.rank() + axis;
  std::vector<int> order(static_cast<std::size_t>(x.rank()));
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + at);
  order.insert(order.begin() + leading, at);
  Shape shape = x.shape().first(leading);
  const std::int64_t samples = x.shape()[axis];
  shape.push_back(samples);
  std::int64_t elements = 1;
  for (int i = leading; i < leading + rank; ++i)
    if (i != at) elements *= x.shape()[i];
  shape.push_back(elements);
  return reshape(at == leading ? x : permute(x, order), shape);
}

class Reader {
 public:
  Reader(const Tensor& y, const Tensor& x) : tangent_(variable(x.shape(), x.dtype())) {
    graph_.samples = x.shape()[0];
    graph_.dtype = x.dtype();
    const std::optional<Tensor> dy = jvp(std::span(&y, 1), std::span(&x, 1), std::span(&tangent_, 1))[0];
    graph_.argument = new_vertex(x.size() / std::max<std::int64_t>(1, graph_.samples));
    if (dy) read(*dy);
    if (graph_.result != graph_.argument) return;
    // The field is the identity, or does not depend on its argument.
    graph_.result = new_vertex(graph_.sizes[0]);
    if (dy)
      graph_.edges.push_back(
          {0, graph_.result, {MapKind::diagonal, graph_.sizes[0], graph_.sizes[0], {}, {}, {}}});
  }
  LinearGraph take() { return std::move(graph_); }

 private:
  int new_vertex(std::int64_t size) {
    graph_.sizes.push_back(size);
    return static_cast<int>(graph_.sizes.size()) - 1;
  }

  std::int64_t elements(const Node* node, int axis) const {
    std::int64_t count = 1;
    for (int a = -1; a >= -node->shape().rank(); --a)
      if (a != axis) count *= node->shape()[a];
    return count;
  }

  void read(const Tensor& dy) {
    const Dependents between =
        dependents(std::span(&dy, 1), std::span(&tangent_, 1), Through::differentiable);
    std::vector<int> vertex(between.nodes.size(), -1);
    std::vector<int> axis(between.nodes.size(), 0);  // of the samples, from the right
    for (std::size_t n = 0; n < between.nodes.size(); ++n) {
      Node* node = between.nodes[n];
      if (node == &tangent_.node()) {
        vertex[n] = graph_.argument;
        axis[n] = -tangent_.rank();
        continue;
      }
      const UseOfNode use(node);
      for (int slot = 0; slot < use.slots(); ++slot) {
        const int at = between.index.find(use.input_node(slot));
        if (at == NodeMap::kAbsent) continue;
        const std::size_t from = static_cast<std::size_t>(at);
        const std::optional<int> carried =
            node->primitive().carried_axis(use.application(), slot, axis[from]);
        if (!carried || (axis[n] != 0 && axis[n] != *carried)) return refuse(node);
        axis[n] = *carried;
        if (vertex[n] < 0) vertex[n] = new_vertex(elements(node, axis[n]));
        std::optional<LinearMap> map = map_of(use, node, slot, axis[from], axis[n]);
        if (!map) return refuse(node);
        graph_.edges.push_back({vertex[from], vertex[n], std::move(*map)});
      }
    }
    graph_.result = vertex[static_cast<std::size_t>(between.index.find(&dy.node()))];
  }

  void refuse(const Node* node) {
    graph_.opaque = std::string(node->primitive().name()) + " " + to_string(node->shape()) + " built at " +
                    node->where().file_name() + ":" + std::to_string(node->where().line());
  }

  // What a node does to the tangent in one slot.
  std::optional<LinearMap> map_of(const UseOfNode& use, const Node* node, int slot, int axis_in,
                                  int axis_out) {
    const Node* input = use.input_node(slot);
    const std::int64_t rows = elements(node, axis_out), columns = elements(input, axis_in);
    const Primitive& primitive = node->primitive();
    std::vector<std::optional<Tensor>> tangents(static_cast<std::size_t>(use.slots()));
    std::optional<Tensor>& seed = tangents[static_cast<std::size_t>(slot)];
    if (primitive.is_pointwise() || is_renaming(node, axis_in, axis_out)) {
      LinearMap map{MapKind::diagonal, rows, columns, {}, {}, {}};
      if (primitive.is_pointwise()) {
        seed = ones(Shape::filled(node->shape().rank(), 1), graph_.dtype);
        const std::optional<Tensor> partial = primitive.jvp(use.application(), tangents);
        if (!partial) return std::nullopt;
        if (&partial->node() != &seed->node()) {
          const Tensor factor = promoted(*partial, node->shape().rank());
          // One factor for all elements of a sample stays one.
          const bool uniform = factor.size() == factor.shape()[axis_out];
          Shape shape = uniform ? factor.shape() : node->shape();
          shape[axis_out] = factor.shape()[axis_out];
          map.left = flat_samples(broadcast_to(factor, shape), 0, shape.rank(), axis_out);
        }
        if (!(input->shape() == node->shape())) return spread(map, node, input, axis_out);
      }
      return map;
    }
    if (primitive.structure(use.application(), slot) != Structure::constant_operator ||
        rows * columns > kMostElements)
      return std::nullopt;
    Shape seeds = input->shape();
    seeds[axis_in] = 1;
    seeds = concatenate(Shape{columns}, seeds);
    seed = reshape(identity(columns, graph_.dtype), seeds);
    std::optional<Tensor> pushed = primitive.jvp(use.application(), tangents);
    if (!pushed) return std::nullopt;
    Shape full = concatenate(Shape{columns}, node->shape());
    full[axis_out] = pushed->shape()[axis_out];
    const Tensor flat = flat_samples(broadcast_to(*pushed, full), 1, node->shape().rank(), axis_out);
    const bool shared = flat.shape()[1] == 1;
    LinearMap map{shared ? MapKind::shared : MapKind::per_sample, rows, columns, {}, {}, {}};
    map.matrix = shared ? transpose(reshape(flat, {columns, rows})) : permute(flat, {1, 2, 0});
    return map;
  }

  static Tensor promoted(const Tensor& x, int rank) {
    Axes axes;
    for (int i = x.rank(); i < rank; ++i) axes.push_back(0);
    return x.rank() == rank ? x : reshape(x, concatenate(Shape::filled(rank - x.rank(), 1), x.shape()));
  }

  // A node that hands on its input's elements of each sample in their order.
  bool is_renaming(const Node* node, int axis_in, int axis_out) const {
    const Node* input = node->inputs()[0];
    const std::optional<Layout> view =
        node->primitive().view(Layout::dense(input->shape()), node->shape(), node->attributes());
    if (!view || !view->is_dense() || view->offset != 0 || node->shape().size() != input->shape().size())
      return false;
    // The samples must be outermost on both sides, but for extents of 1.
    const auto leads = [](const Node* x, int axis) {
      for (int a = -x->shape().rank(); a < axis; ++a)
        if (x->shape()[a] != 1) return false;
      return true;
    };
    return leads(input, axis_in) && leads(node, axis_out);
  }

  // A pointwise node that repeats its input along axes of a sample: ones, then the diagonal.
  LinearMap spread(LinearMap map, const Node* node, const Node* input, int axis) {
    Shape narrow = input->shape(), wide = node->shape();
    narrow[axis] = wide[axis] = 1;
    const std::int64_t columns = narrow.size();
    const Tensor eye = reshape(identity(columns, graph_.dtype), concatenate(Shape{columns}, narrow));
    const Tensor repeated =
        reshape(broadcast_to(eye, concatenate(Shape{columns}, wide)), {columns, wide.size()});
    map.kind = MapKind::shared;
    map.matrix = transpose(repeated);
    return map;
  }

  Tensor tangent_;
  LinearGraph graph_;
};

}  // namespace

LinearGraph linear_graph(const Tensor& y, const Tensor& x) { return Reader(y, x).take(); }

}  // namespace nabla
