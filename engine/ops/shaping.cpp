#include "engine/ops/shaping.h"

#include <algorithm>

#include "engine/ops/contract.h"

namespace nabla {
namespace {

// A layout without axes, to which view rules append.
Layout empty_view(const Layout& like) { return {{}, {}, like.offset}; }
void append(Layout& view, std::int64_t extent, std::int64_t stride) {
  view.strides[view.shape.rank()] = stride;
  view.shape.push_back(extent);
}

// Linear maps of one input that keep every element alone on the axes they do not name.
class ShapingPrimitive : public LinearPrimitive {
 public:
  using LinearPrimitive::LinearPrimitive;
  std::optional<int> carried_axis(const Application&, int, int axis) const override { return axis; }
  bool is_constant_operator(int) const override { return true; }
};

// Attributes: the new axes by their place in the output, from the right, ascending.
class InsertAxes final : public ShapingPrimitive {
 public:
  InsertAxes() : ShapingPrimitive(Op::insert_axes) {}
  bool builds_identity() const override { return true; }
  TensorType infer(Inputs inputs, const Attributes& axes) const override {
    const Shape& input = inputs[0].shape();
    Shape shape;
    int from = 0;
    for (int axis = -input.rank() - static_cast<int>(axes.size()); axis < 0; ++axis)
      shape.push_back(axes.contains(axis) ? 1 : input[from++]);
    return {shape, inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    return drop_axes(cotangent, Axes(at.attributes.begin(), at.attributes.end()));
  }
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    int place = axis;
    for (std::size_t i = at.attributes.size(); i-- > 0;)  // from -1 outwards
      if (at.attributes[i] >= place) --place;
    return place;
  }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
  std::optional<Layout> view(const Layout& input, const Shape&, const Attributes& axes) const override {
    return insert(input, axes);
  }

 private:
  static Layout insert(const Layout& input, const Attributes& axes) {
    const int rank = input.shape.rank() + static_cast<int>(axes.size());
    Layout view = empty_view(input);
    int from = 0;
    for (int axis = -rank; axis < 0; ++axis) {
      if (axes.contains(axis)) {
        append(view, 1, 0);
      } else {
        append(view, input.shape[from], input.strides[from]);
        ++from;
      }
    }
    return view;
  }
};

// Attributes: the axes to remove, from the right, ascending.
class DropAxes final : public ShapingPrimitive {
 public:
  DropAxes() : ShapingPrimitive(Op::drop_axes) {}
  bool builds_identity() const override { return true; }
  TensorType infer(Inputs inputs, const Attributes& axes) const override {
    for (const std::int64_t axis : axes)
      if (inputs[0].shape()[static_cast<int>(axis)] != 1)
        throw Error(with_operands(name(), inputs) + ": axis " + std::to_string(axis) +
                    " does not have extent 1");
    const Shape& input = inputs[0].shape();
    Shape shape;
    for (int axis = -input.rank(); axis < 0; ++axis)
      if (!axes.contains(axis)) shape.push_back(input[axis]);
    return {shape, inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    return insert_axes(cotangent, Axes(at.attributes.begin(), at.attributes.end()));
  }
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    int place = axis;
    for (const std::int64_t a : at.attributes) {
      if (a == axis) return std::nullopt;
      if (a > axis) ++place;
    }
    return place;
  }
  bool accepts_compressed_tangent(const Application&, int, int) const override { return true; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
  std::optional<Layout> view(const Layout& input, const Shape&, const Attributes& axes) const override {
    return drop(input, axes);
  }

 private:
  static Layout drop(const Layout& input, const Attributes& axes) {
    Layout view = empty_view(input);
    for (int i = 0; i < input.shape.rank(); ++i)
      if (!axes.contains(i - input.shape.rank())) append(view, input.shape[i], input.strides[i]);
    return view;
  }
};

// Attributes: number of input axes that are reshaped (the innermost ones), then their new extents.
class Reshape final : public ShapingPrimitive {
 public:
  Reshape() : ShapingPrimitive(Op::reshape) {}
  bool builds_identity() const override { return true; }
  TensorType infer(Inputs inputs, const Attributes& attributes) const override {
    const Shape shape = result(inputs[0].shape(), attributes);
    if (shape.size() != inputs[0].size())
      throw Error(with_operands(name(), inputs) + " does not have the elements of " + to_string(shape));
    return {shape, inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    const Shape& input = at.inputs[0].shape();
    const int core = static_cast<int>(at.attributes[0]);
    return apply(*this, {cotangent},
                 Attributes({static_cast<std::int64_t>(at.attributes.size()) - 1},
                            input.extents().subspan(static_cast<std::size_t>(input.rank() - core))));
  }
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    if (-axis <= at.attributes[0]) return std::nullopt;
    return axis + static_cast<int>(at.attributes[0]) - static_cast<int>(at.attributes.size()) + 1;
  }
  std::optional<Layout> view(const Layout& input, const Shape& output, const Attributes&) const override {
    if (!input.is_dense()) return std::nullopt;
    Layout view = Layout::dense(output);
    view.offset = input.offset;
    return view;
  }

 private:
  static Shape result(const Shape& input, const Attributes& attributes) {
    return nabla::concatenate(input.first(input.rank() - static_cast<int>(attributes[0])),
                              Shape(attributes.from(1)));
  }
};

// Attributes: for each of the innermost output axes, from the left, the input axis (from the right) it shows.
class Permute final : public ShapingPrimitive {
 public:
  Permute() : ShapingPrimitive(Op::permute) {}
  bool builds_identity() const override { return true; }
  TensorType infer(Inputs inputs, const Attributes& order) const override {
    return {reorder(Layout::dense(inputs[0].shape()), order).shape, inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    const std::size_t count = at.attributes.size();
    Axes inverse = Axes::innermost(static_cast<int>(count));
    for (std::size_t i = 0; i < count; ++i)
      inverse[count + at.attributes[i]] = static_cast<int>(i) - static_cast<int>(count);
    return apply(*this, {cotangent}, Attributes(inverse));
  }
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    const int count = static_cast<int>(at.attributes.size());
    for (int i = 0; i < count; ++i)
      if (at.attributes[i] == axis) return i - count;
    return axis;
  }
  std::optional<Layout> view(const Layout& input, const Shape&, const Attributes& order) const override {
    return reorder(input, order);
  }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }

 private:
  static Layout reorder(const Layout& input, const Attributes& order) {
    Layout view = input;
    const int rank = input.shape.rank();
    const int count = static_cast<int>(order.size());
    for (int i = 0; i < count; ++i) {
      const int to = rank - count + i;
      const int from = rank + static_cast<int>(order[i]);
      view.shape[to] = input.shape[from];
      view.strides[to] = input.strides[from];
    }
    return view;
  }
};

// Attributes: pairs of axis (from the right) and extent.
class Broadcast final : public ShapingPrimitive {
 public:
  Broadcast() : ShapingPrimitive(Op::broadcast) {}
  TensorType infer(Inputs inputs, const Attributes& attributes) const override {
    Shape shape = inputs[0].shape();
    for (std::size_t i = 0; i < attributes.size(); i += 2) {
      std::int64_t& extent = shape[static_cast<int>(attributes[i])];
      if (extent != 1 && extent != attributes[i + 1])
        throw Error(with_operands(name(), inputs) + ": axis " + std::to_string(attributes[i]) +
                    " cannot be repeated to extent " + std::to_string(attributes[i + 1]));
      extent = attributes[i + 1];
    }
    return {shape, inputs[0].dtype()};
  }
  // A tangent may stay compressed, so there is nothing to do.
  std::optional<Tensor> jvp(const Application&, Tangents tangents) const override { return tangents[0]; }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    return sum_to_shape(cotangent, at.output.shape(), at.inputs[0].shape());
  }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
  std::optional<Layout> view(const Layout& input, const Shape& output, const Attributes&) const override {
    return input.broadcast_to(output);
  }
};

const InsertAxes& kInsertAxes = *new InsertAxes;
const DropAxes& kDropAxes = *new DropAxes;
const Reshape& kReshape = *new Reshape;
const Permute& kPermute = *new Permute;
const Broadcast& kBroadcast = *new Broadcast;

}  // namespace

Tensor insert_axes(const Operand& x, Axes axes) {
  if (axes.empty()) return x.tensor();
  axes.sort();
  const int rank = x.tensor().rank() + static_cast<int>(axes.size());
  if (axes[0] < -rank || axes[axes.size() - 1] >= 0 || axes.has_duplicates())
    throw Error("insert_axes: axes of the output, from the right, must be distinct and within rank " +
                std::to_string(rank) + "; operand " + to_string(x.tensor().shape()));
  return apply(kInsertAxes, std::span(&x.tensor(), 1), Attributes(axes), x.where());
}

Tensor drop_axes(const Operand& x, const Axes& axes) {
  if (axes.empty()) return x.tensor();
  Axes dropped;
  for (const int axis : axes) dropped.push_back(axis_from_right("drop_axes", x.tensor().shape(), axis));
  dropped.sort();
  return apply(kDropAxes, std::span(&x.tensor(), 1), Attributes(dropped), x.where());
}

Tensor reshape(const Operand& x, const std::vector<std::int64_t>& shape) {
  const Tensor& tensor = x.tensor();
  std::vector<std::int64_t> extents = shape;
  const auto inferred = std::find(extents.begin(), extents.end(), -1);
  if (inferred != extents.end()) {
    *inferred = 1;
    const std::int64_t known = Shape(extents).size();
    if (known == 0 || tensor.size() % known != 0)
      throw Error("reshape: " + to_string(tensor.shape()) + " leaves no whole extent for the -1");
    *inferred = tensor.size() / known;
  }
  return reshape(x, Shape(extents));
}

Tensor reshape(const Operand& x, std::initializer_list<std::int64_t> shape) {
  return reshape(x, std::vector<std::int64_t>(shape));
}

Tensor reshape(const Operand& x, const Shape& shape) {
  const Shape& from = x.tensor().shape();
  if (from == shape) return x.tensor();
  // Equal outermost extents stay outside, so that a reshape of samples is seen to leave the batch axis alone.
  int same = 0;
  while (same < from.rank() && same < shape.rank() && from[same] == shape[same] && from[same] != 0) ++same;
  Attributes attributes({from.rank() - same}, shape.extents().subspan(static_cast<std::size_t>(same)));
  return apply(kReshape, std::span(&x.tensor(), 1), std::move(attributes), x.where());
}

Tensor permute(const Operand& x, const Axes& order) {
  const Shape& shape = x.tensor().shape();
  Axes axes;
  for (const int axis : order) axes.push_back(axis_from_right("permute", shape, axis));
  Axes sorted = axes;
  sorted.sort();
  if (static_cast<int>(axes.size()) != shape.rank() || sorted.has_duplicates())
    throw Error("permute: the order must name each of the " + std::to_string(shape.rank()) + " axes of " +
                to_string(shape) + " once");
  // Outermost axes that stay in place are leading axes, not part of the permutation.
  int first = 0;
  while (first < shape.rank() && axes[first] == first - shape.rank()) ++first;
  if (first == shape.rank()) return x.tensor();
  return apply(kPermute, std::span(&x.tensor(), 1), Attributes(Axes(axes.begin() + first, axes.end())),
               x.where());
}

Tensor transpose(const Operand& x, int a, int b) {
  const Shape& shape = x.tensor().shape();
  Axes order = Axes::innermost(shape.rank());
  std::swap(order[axis_from_right("transpose", shape, a) + shape.rank()],
            order[axis_from_right("transpose", shape, b) + shape.rank()]);
  return permute(x, order);
}

Tensor broadcast_to(const Operand& x, const Shape& shape) {
  if (x.tensor().rank() > shape.rank())
    throw Error("broadcast_to: " + to_string(x.tensor().shape()) + " has more axes than " + to_string(shape));
  const SourceScope scope(x.where());
  Tensor promoted = promote(x.tensor(), shape.rank());
  if (promoted.shape() == shape) return promoted;
  std::vector<std::int64_t> pairs;
  for (int axis = -shape.rank(); axis < 0; ++axis)
    if (promoted.shape()[axis] != shape[axis]) pairs.insert(pairs.end(), {axis, shape[axis]});
  return apply(kBroadcast, {promoted}, Attributes({}, pairs), x.where());
}

}  // namespace nabla
