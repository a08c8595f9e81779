#include "engine/autodiff/contraction/linear_graph.h"

#include <algorithm>
#include <numeric>

#include "engine/autodiff/jvp.h"
#include "engine/autodiff/transform.h"
#include "engine/autodiff/vjp.h"
#include "engine/graph/walk.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

// A value of a node as [leading, B or 1, elements of a sample]. `axis` holds the samples, from the right.
Tensor flat_samples(const Tensor& x, int leading, int rank, int axis) {
  const int at = x.rank() + axis;
  std::vector<int> order(x.rank());
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

// Vectors [B or 1, k, elements of a sample] as k values of shape `full`, whose axis `axis` holds the samples.
Tensor as_values(const Tensor& vectors, const Shape& full, int axis) {
  const int at = full.rank() + axis;
  Shape shape = vectors.shape().first(2);
  std::vector<int> order{1};
  for (int i = 0; i < full.rank(); ++i) {
    if (i != at) shape.push_back(full[i]);
    order.push_back(i == at ? 0 : 2 + i - (i > at));
  }
  return permute(reshape(vectors, shape), order);
}

// Values [k, *shape] with the samples on an axis as vectors [B, k, elements].
Tensor as_vectors(const Tensor& values, int rank, int axis) {
  return permute(flat_samples(values, 1, rank, axis), {1, 0, 2});
}

class Reader {
 public:
  Reader(const Tensor& y, const Tensor& x, std::int64_t matrix_elements)
      : tangent_(variable(x.shape(), x.dtype())), matrix_elements_(matrix_elements) {
    graph_.samples = x.shape()[0];
    graph_.dtype = x.dtype();
    const std::optional<Tensor> dy = jvp(y, x, tangent_);
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
    const Dependents between = dependents(dy, tangent_, Through::differentiable);
    for (const Node* node : between.nodes)
      if (node->dtype() == DType::f64) graph_.dtype = DType::f64;
    std::vector<int> vertex(between.nodes.size(), -1);
    std::vector<int> axis(between.nodes.size(), 0);  // of the samples, from the right
    std::vector<std::optional<Scaled>> scaled(between.nodes.size());
    for (std::size_t n = 0; n < between.nodes.size(); ++n) {
      Node* node = between.nodes[n];
      if (node == &tangent_.node()) {
        vertex[n] = graph_.argument;
        axis[n] = -tangent_.rank();
        continue;
      }
      const UseOfNode use(node);
      std::vector<Slot> active;
      for (int slot = 0; slot < use.slots(); ++slot) {
        const int at = between.index.find(use.input_node(slot));
        if (at == NodeMap::kAbsent) continue;
        const std::size_t from = at;
        active.push_back({slot, vertex[from], axis[from], scaled[from]});
        // The derivative of a sample-wise field is sample-wise.
        axis[n] = node->primitive().carried_axis(use.application(), slot, axis[from]).value();
      }
      vertex[n] = new_vertex(elements(node, axis[n]));
      const bool one_source = std::ranges::all_of(
          active, [&](const Slot& slot) { return slot.source() == active.front().source(); });
      if (const std::optional<Tensor> factor = one_source ? factor_of(use, node, active) : std::nullopt) {
        scaled[n] = Scaled{active.front().source(), *factor};
        graph_.edges.push_back({scaled[n]->source, vertex[n], diagonal(*factor, node, axis[n])});
        continue;
      }
      for (const Slot& slot : active) {
        if (const std::optional<Tensor> factor = factor_of(use, node, {slot}))
          graph_.edges.push_back({slot.source(), vertex[n], diagonal(*factor, node, axis[n])});
        else
          graph_.edges.push_back(
              {slot.vertex, vertex[n], map_of(use, node, slot.number, slot.axis, axis[n])});
      }
    }
    graph_.result = vertex[between.index.find(&dy.node())];
    drop_dead_ends();
  }

  // A node that only scales the elements of another vertex, by pointwise nodes between. They are one factor,
  // found by pushing ones through them as a tangent would go: a select drops what is not selected even where
  // that is infinite or no number, and products and sums of diagonals could not.
  struct Scaled {
    int source;
    Tensor factor;
  };

  // An input that depends on the argument.
  struct Slot {
    int number, vertex, axis;
    std::optional<Scaled> scaled;
    int source() const { return scaled ? scaled->source : vertex; }
  };

  std::optional<Tensor> factor_of(const UseOfNode& use, const Node* node,
                                  const std::vector<Slot>& slots) const {
    if (!node->primitive().is_pointwise()) return std::nullopt;
    std::vector<std::optional<Tensor>> tangents(use.slots());
    for (const Slot& slot : slots) {
      const Node* input = use.input_node(slot.number);
      if (!(input->shape() == node->shape())) return std::nullopt;
      tangents[slot.number] =
          slot.scaled ? slot.scaled->factor : ones(Shape::filled(node->shape().rank(), 1), input->dtype());
    }
    const std::optional<Tensor> pushed = node->primitive().jvp(use.application(), tangents);
    if (!pushed) return std::nullopt;
    // Without a factor it hands its input on.
    const Slot& first = slots.front();
    if (slots.size() == 1 && !first.scaled && &pushed->node() == &tangents[first.number]->node())
      return std::nullopt;
    return promoted(*pushed, node->shape().rank());
  }

  LinearMap diagonal(const Tensor& factor, const Node* node, int axis) const {
    const std::int64_t size = elements(node, axis);
    // One factor for all elements of a sample stays one.
    const bool uniform = factor.size() == factor.shape()[axis];
    Shape shape = uniform ? factor.shape() : node->shape();
    shape[axis] = factor.shape()[axis];
    const Tensor left = flat_samples(broadcast_to(factor, shape), 0, shape.rank(), axis);
    return {MapKind::diagonal, size, size, cast(left, graph_.dtype), {}, {}};
  }

  void drop_dead_ends() {
    std::vector<bool> leads_on(graph_.sizes.size(), false);
    leads_on[graph_.result] = true;
    for (auto edge = graph_.edges.rbegin(); edge != graph_.edges.rend(); ++edge)
      if (leads_on[edge->to]) leads_on[edge->from] = true;
    std::erase_if(graph_.edges, [&](const LinearGraph::Edge& edge) { return !leads_on[edge.to]; });
  }

  // What a node does to the tangent in one slot.
  LinearMap map_of(const UseOfNode& use, Node* node, int slot, int axis_in, int axis_out) {
    const Node* input = use.input_node(slot);
    const std::int64_t rows = elements(node, axis_out), columns = elements(input, axis_in);
    const Primitive& primitive = node->primitive();
    std::vector<std::optional<Tensor>> tangents(use.slots());
    std::optional<Tensor>& seed = tangents[slot];
    if (primitive.is_pointwise() || is_renaming(node, axis_in, axis_out)) {
      LinearMap map{MapKind::diagonal, rows, columns, {}, {}, {}};
      if (primitive.is_pointwise()) {
        seed = ones(Shape::filled(node->shape().rank(), 1), input->dtype());
        const std::optional<Tensor> partial = primitive.jvp(use.application(), tangents);
        if (!partial) return map_applied(use, node, slot, axis_in, axis_out, kNoTangent);
        if (&partial->node() != &seed->node()) {
          map.left = diagonal(promoted(*partial, node->shape().rank()), node, axis_out).left;
        }
        if (input->shape() == node->shape()) return map;
        if (rows * columns > matrix_elements_)
          return map_applied(use, node, slot, axis_in, axis_out, too_large(rows, columns, 1));
        return spread(map, node, input, axis_out);
      }
      return map;
    }
    if (!primitive.is_constant_operator(slot))
      return map_applied(use, node, slot, axis_in, axis_out, "the structure of its matrix is not known");
    if (rows * columns > matrix_elements_)
      return map_applied(use, node, slot, axis_in, axis_out, too_large(rows, columns, 1));
    if (rows < columns)
      if (const std::optional<Tensor> matrix = matrix_by_rows(use, node, slot, axis_in, axis_out))
        return {MapKind::shared, rows, columns, {}, *matrix, {}};
    Shape seeds = input->shape();
    seeds[axis_in] = 1;
    seeds = concatenate(Shape{columns}, seeds);
    seed = reshape(identity(columns, input->dtype()), seeds);
    const std::optional<Tensor> pushed = primitive.jvp(use.application(), tangents);
    if (!pushed) return map_applied(use, node, slot, axis_in, axis_out, kNoTangent);
    Shape full = concatenate(Shape{columns}, node->shape());
    full[axis_out] = pushed->shape()[axis_out];
    const Tensor flat =
        cast(flat_samples(broadcast_to(*pushed, full), 1, node->shape().rank(), axis_out), graph_.dtype);
    const bool shared = flat.shape()[1] == 1;
    if (rows * columns * flat.shape()[1] > matrix_elements_)
      return map_applied(use, node, slot, axis_in, axis_out, too_large(rows, columns, flat.shape()[1]));
    LinearMap map{shared ? MapKind::shared : MapKind::per_sample, rows, columns, {}, {}, {}};
    map.matrix = shared ? transpose(reshape(flat, {columns, rows})) : permute(flat, {1, 2, 0});
    return map;
  }

  // The matrix of a node that is linear in a slot and the same for all samples, by pulling unit vectors back:
  // of a sum over many elements there is one, where pushing would make as many as there are elements.
  std::optional<Tensor> matrix_by_rows(const UseOfNode& use, Node* node, int slot, int axis_in,
                                       int axis_out) const {
    const Node* input = use.input_node(slot);
    Shape in = input->shape();
    in[axis_in] = 1;
    const Tensor at = variable(in, input->dtype());
    std::vector<std::optional<Tensor>> tangents(use.slots());
    tangents[slot] = at;
    const std::optional<Tensor> image = node->primitive().jvp(use.application(), tangents);
    if (!image || image->shape()[axis_out] != 1) return std::nullopt;
    Shape out = node->shape();
    out[axis_out] = 1;
    const Tensor whole = broadcast_to(*image, out);
    const Tensor units = reshape(identity(out.size(), node->dtype()), concatenate(Shape{out.size()}, out));
    const std::optional<Tensor> pulled = vjp(whole, at, units);
    if (!pulled) return std::nullopt;
    const Tensor rows = broadcast_to(*pulled, concatenate(Shape{out.size()}, in));
    return cast(reshape(rows, {out.size(), in.size()}), graph_.dtype);
  }

  static constexpr const char* kNoTangent = "its rule gives no tangent to take a matrix from";

  std::string too_large(std::int64_t rows, std::int64_t columns, std::int64_t matrices) const {
    const std::string size = std::to_string(rows) + " x " + std::to_string(columns);
    const std::string what = matrices == 1 ? "its matrix of " + size + " is"
                                           : "taken sample by sample its " + std::to_string(matrices) +
                                                 " matrices of " + size + " are";
    return what + " more than the " + std::to_string(matrix_elements_) + " elements that are formed";
  }

  // A node that is left as it is: vectors go through its own rules.
  LinearMap map_applied(const UseOfNode& use, Node* node, int slot, int axis_in, int axis_out,
                        std::string reason) {
    LinearGraph::Applied applied{std::string(node->primitive().name()) + " " + to_string(node->shape()) +
                                     " built at " + node->where().file_name() + ":" +
                                     std::to_string(node->where().line()),
                                 std::move(reason)};
    // A layer that is used again is listed once.
    if (std::ranges::find(graph_.applied, applied) == graph_.applied.end())
      graph_.applied.push_back(std::move(applied));
    const Node* input = use.input_node(slot);
    const Shape in = input->shape(), out = node->shape();
    const DType in_type = input->dtype(), out_type = node->dtype(), type = graph_.dtype;
    const Tensor output(node);
    const auto forward = [=](const Tensor& vectors) {
      const UseOfNode copy(&output.node());
      std::vector<std::optional<Tensor>> tangents(copy.slots());
      tangents[slot] = as_values(cast(vectors, in_type), in, axis_in);
      const std::optional<Tensor> pushed = output.node().primitive().jvp(copy.application(), tangents);
      const Shape full = concatenate(Shape{vectors.shape()[1]}, out);
      const Tensor found = pushed ? cast(broadcast_to(*pushed, full), type) : zeros(full, type);
      return as_vectors(found, out.rank(), axis_out);
    };
    const auto transposed = [=](const Tensor& vectors) {
      // The node as a function of a variable in that slot.
      const Tensor at = variable(concatenate(Shape{1}, in), in_type);
      const UseOfNode copy(&output.node());
      std::vector<std::optional<Tensor>> tangents(copy.slots());
      tangents[slot] = at;
      const std::optional<Tensor> image = output.node().primitive().jvp(copy.application(), tangents);
      const Shape full = concatenate(Shape{vectors.shape()[1], 1}, in);
      std::optional<Tensor> pulled;
      if (image) {
        const Tensor whole = broadcast_to(*image, concatenate(Shape{1}, out));
        const Tensor cotangents =
            insert_axes(as_values(cast(vectors, out_type), out, axis_out), {-out.rank() - 1});
        pulled = vjp(whole, at, cotangents);
      }
      const Tensor found = pulled ? cast(broadcast_to(*pulled, full), type) : zeros(full, type);
      return as_vectors(drop_axes(found, {-in.rank() - 1}), in.rank(), axis_in);
    };
    LinearMap map{MapKind::applied, elements(node, axis_out), elements(input, axis_in), {}, {}, {}};
    map.function = std::make_shared<AppliedMap>(
        AppliedMap{forward, transposed, graph_.samples, operations_of(use, node)});
    return map;
  }

  // Of one vector of a sample: a product and a sum for all that the operands and the result span.
  double operations_of(const UseOfNode& use, const Node* node) const {
    Shape span = node->shape();
    for (int slot = 0; slot < use.slots(); ++slot) {
      const Shape& shape = use.input_node(slot)->shape();
      for (int axis = -1; axis >= -std::min(span.rank(), shape.rank()); --axis)
        span[axis] = std::max(span[axis], shape[axis]);
    }
    return 2 * static_cast<double>(span.size()) /
           static_cast<double>(std::max<std::int64_t>(1, graph_.samples));
  }

  static Tensor promoted(const Tensor& x, int rank) {
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
  std::int64_t matrix_elements_;
  LinearGraph graph_;
};

}  // namespace

LinearGraph linear_graph(const Tensor& y, const Tensor& x, std::int64_t matrix_elements) {
  return Reader(y, x, matrix_elements).take();
}

}  // namespace nabla
