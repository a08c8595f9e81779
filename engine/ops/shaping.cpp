#include "engine/ops/shaping.h"

#include <algorithm>

#include "engine/ops/constant.h"
#include "engine/ops/contract.h"
#include "engine/ops/reduction.h"

namespace nabla {
namespace {

// A layout without axes, to which view rules append.
Layout empty_view(const Layout& like) { return {{}, {}, like.offset}; }
void append(Layout& view, std::int64_t extent, std::int64_t stride) {
  view.strides[static_cast<std::size_t>(view.shape.rank())] = stride;
  view.shape.push_back(extent);
}
std::int64_t& stride_at(Layout& view, std::int64_t axis) {
  return view.strides[static_cast<std::size_t>(view.shape.rank() + axis)];
}

// Linear maps of one input that keep every element alone on the axes they do not name.
class ShapingPrimitive : public LinearPrimitive {
 public:
  using LinearPrimitive::LinearPrimitive;
  std::optional<int> carried_axis(const Application&, int, int axis) const override { return axis; }
  Structure structure(const Application&, int) const override { return Structure::constant_operator; }
};

// Attributes: the new axes by their place in the output, from the right, ascending.
class InsertAxes final : public ShapingPrimitive {
 public:
  InsertAxes() : ShapingPrimitive("insert_axes") {}
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
  std::optional<Layout> view(const Layout& input, const Attributes& axes) const override {
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
        append(view, input.shape[from], input.strides[static_cast<std::size_t>(from)]);
        ++from;
      }
    }
    return view;
  }
};

// Attributes: the axes to remove, from the right, ascending.
class DropAxes final : public ShapingPrimitive {
 public:
  DropAxes() : ShapingPrimitive("drop_axes") {}
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
  std::optional<Layout> view(const Layout& input, const Attributes& axes) const override {
    return drop(input, axes);
  }

 private:
  static Layout drop(const Layout& input, const Attributes& axes) {
    Layout view = empty_view(input);
    for (int i = 0; i < input.shape.rank(); ++i)
      if (!axes.contains(i - input.shape.rank()))
        append(view, input.shape[i], input.strides[static_cast<std::size_t>(i)]);
    return view;
  }
};

// Attributes: number of input axes that are reshaped (the innermost ones), then their new extents.
class Reshape final : public ShapingPrimitive {
 public:
  Reshape() : ShapingPrimitive("reshape") {}
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
  std::optional<Layout> view(const Layout& input, const Attributes& attributes) const override {
    if (!input.is_dense()) return std::nullopt;
    Layout view = Layout::dense(result(input.shape, attributes));
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
  Permute() : ShapingPrimitive("permute") {}
  TensorType infer(Inputs inputs, const Attributes& order) const override {
    return {reorder(Layout::dense(inputs[0].shape()), order).shape, inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    const std::size_t count = at.attributes.size();
    Axes inverse = Axes::innermost(static_cast<int>(count));
    for (std::size_t i = 0; i < count; ++i)
      inverse[count + static_cast<std::size_t>(at.attributes[i])] =
          static_cast<int>(i) - static_cast<int>(count);
    return apply(*this, {cotangent}, Attributes(inverse));
  }
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    const int count = static_cast<int>(at.attributes.size());
    for (int i = 0; i < count; ++i)
      if (at.attributes[static_cast<std::size_t>(i)] == axis) return i - count;
    return axis;
  }
  std::optional<Layout> view(const Layout& input, const Attributes& order) const override {
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
      const int from = rank + static_cast<int>(order[static_cast<std::size_t>(i)]);
      view.shape[to] = input.shape[from];
      view.strides[static_cast<std::size_t>(to)] = input.strides[static_cast<std::size_t>(from)];
    }
    return view;
  }
};

// Attributes: pairs of axis (from the right) and extent.
class Broadcast final : public ShapingPrimitive {
 public:
  Broadcast() : ShapingPrimitive("broadcast") {}
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
  std::optional<Layout> view(const Layout& input, const Attributes& attributes) const override {
    Layout view = input;
    for (std::size_t i = 0; i < attributes.size(); i += 2) {
      std::int64_t& extent = view.shape[static_cast<int>(attributes[i])];
      if (extent == attributes[i + 1]) continue;
      extent = attributes[i + 1];
      stride_at(view, attributes[i]) = 0;
    }
    return view;
  }
};

std::int64_t slice_count(std::int64_t start, std::int64_t stop, std::int64_t step) {
  return stop > start ? (stop - start + step - 1) / step : 0;
}

// Mixes nothing, but moves entries along one axis: that axis must come expanded.
class OneAxisPrimitive : public ShapingPrimitive {
 public:
  using ShapingPrimitive::ShapingPrimitive;
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    if (axis == at.attributes[0]) return std::nullopt;
    return axis;
  }
};

// Attributes: axis, start, stop, step.
class Slice final : public OneAxisPrimitive {
 public:
  Slice() : OneAxisPrimitive("slice") {}
  TensorType infer(Inputs inputs, const Attributes& a) const override {
    Shape shape = inputs[0].shape();
    shape[static_cast<int>(a[0])] = slice_count(a[1], a[2], a[3]);
    return {shape, inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    const Attributes& a = at.attributes;
    const int axis = static_cast<int>(a[0]);
    const std::int64_t extent = at.inputs[0].shape()[axis];
    const std::int64_t count = at.output.shape()[axis];
    if (count == 0) return zero_tangent(at.inputs[0], cotangent.rank() - at.output.rank());
    return pad(cotangent, axis, a[1], extent - (a[1] + (count - 1) * a[3] + 1), a[3] - 1);
  }
  std::optional<Layout> view(const Layout& input, const Attributes& a) const override {
    Layout view = input;
    std::int64_t& stride = stride_at(view, a[0]);
    view.offset += a[1] * stride;
    stride *= a[3];
    view.shape[static_cast<int>(a[0])] = slice_count(a[1], a[2], a[3]);
    return view;
  }
};

// Attributes: axis, zeros before, zeros after, zeros between neighbours.
class Pad final : public OneAxisPrimitive {
 public:
  Pad() : OneAxisPrimitive("pad") {}
  TensorType infer(Inputs inputs, const Attributes& a) const override {
    Shape shape = inputs[0].shape();
    std::int64_t& extent = shape[static_cast<int>(a[0])];
    extent = a[1] + a[2] + (extent > 0 ? (extent - 1) * (a[3] + 1) + 1 : 0);
    return {shape, inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    const Attributes& a = at.attributes;
    const int axis = static_cast<int>(a[0]);
    const std::int64_t extent = at.inputs[0].shape()[axis];
    return slice(cotangent, axis, a[1], extent == 0 ? a[1] : a[1] + (extent - 1) * (a[3] + 1) + 1, a[3] + 1);
  }
};

// Attribute: axis.
class Concatenate final : public OneAxisPrimitive {
 public:
  Concatenate() : OneAxisPrimitive("concatenate") {}
  bool linear_in(int) const override { return true; }
  TensorType infer(Inputs inputs, const Attributes& a) const override {
    const int axis = static_cast<int>(a[0]);
    Shape shape = inputs[0].shape();
    shape[axis] = 1;
    std::int64_t extent = 0;
    for (const Tensor& input : inputs) {
      Shape other = input.shape();
      if (other.rank() == shape.rank()) {
        extent += other[axis];
        other[axis] = 1;
      }
      Shape next;
      if (input.dtype() != inputs[0].dtype() || !broadcast_shapes(shape, other, next))
        throw Error(with_operands(name(), inputs) + " do not join along axis " + std::to_string(axis));
      shape = next;
    }
    shape[axis] = extent;
    return {shape, inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int slot, const Tensor& cotangent) const override {
    const int axis = static_cast<int>(at.attributes[0]);
    std::int64_t start = 0;
    for (int i = 0; i < slot; ++i) start += at.inputs[static_cast<std::size_t>(i)].shape()[axis];
    const Shape& input = at.inputs[static_cast<std::size_t>(slot)].shape();
    Shape whole = at.output.shape();
    whole[axis] = input[axis];
    return sum_to_shape(slice(cotangent, axis, start, start + input[axis]), whole, input);
  }
};

// Attribute: axis.
class Flip final : public OneAxisPrimitive {
 public:
  Flip() : OneAxisPrimitive("flip") {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    return {inputs[0].shape(), inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    return flip(cotangent, static_cast<int>(at.attributes[0]));
  }
  std::optional<Layout> view(const Layout& input, const Attributes& a) const override {
    Layout view = input;
    std::int64_t& stride = stride_at(view, a[0]);
    const std::int64_t extent = view.shape[static_cast<int>(a[0])];
    if (extent > 0) view.offset += (extent - 1) * stride;
    stride = -stride;
    return view;
  }
};

const InsertAxes kInsertAxes;
const DropAxes kDropAxes;
const Reshape kReshape;
const Permute kPermute;
const Broadcast kBroadcast;
const Slice kSlice;
const Pad kPad;
const Concatenate kConcatenate;
const Flip kFlip;

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
  while (first < shape.rank() && axes[static_cast<std::size_t>(first)] == first - shape.rank()) ++first;
  if (first == shape.rank()) return x.tensor();
  return apply(kPermute, std::span(&x.tensor(), 1), Attributes(Axes(axes.begin() + first, axes.end())),
               x.where());
}

Tensor transpose(const Operand& x, int a, int b) {
  const Shape& shape = x.tensor().shape();
  Axes order = Axes::innermost(shape.rank());
  std::swap(order[static_cast<std::size_t>(axis_from_right("transpose", shape, a) + shape.rank())],
            order[static_cast<std::size_t>(axis_from_right("transpose", shape, b) + shape.rank())]);
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

Tensor slice(const Operand& x, int axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
  const Shape& shape = x.tensor().shape();
  axis = axis_from_right("slice", shape, axis);
  const std::int64_t extent = shape[axis];
  if (step < 1) throw Error("slice: step " + std::to_string(step) + " is not positive; use flip to reverse");
  if (start < 0) start += extent;
  if (stop < 0) stop += extent;
  stop = std::min(stop, extent);
  if (start < 0 || start > extent || stop < 0)
    throw Error("slice: range " + std::to_string(start) + " to " + std::to_string(stop) +
                " lies outside axis " + std::to_string(axis) + " of " + to_string(shape));
  stop = std::max(start, stop);
  if (start == 0 && stop == extent && step == 1) return x.tensor();
  return apply(kSlice, {x.tensor()}, {axis, start, stop, step}, x.where());
}

Tensor pad(const Operand& x, int axis, std::int64_t before, std::int64_t after, std::int64_t interior) {
  axis = axis_from_right("pad", x.tensor().shape(), axis);
  if (before < 0 || after < 0 || interior < 0)
    throw Error("pad: negative padding for " + to_string(x.tensor().shape()) + "; use slice to cut");
  if (before == 0 && after == 0 && interior == 0) return x.tensor();
  return apply(kPad, {x.tensor()}, {axis, before, after, interior}, x.where());
}

Tensor concatenate(const std::vector<Tensor>& parts, int axis, std::source_location where) {
  if (parts.empty()) throw Error("concatenate: needs at least one tensor");
  if (parts.size() == 1) return parts[0];
  return apply(kConcatenate, parts, {axis_from_right("concatenate", parts[0].shape(), axis)}, where);
}

Tensor flip(const Operand& x, int axis) {
  return apply(kFlip, {x.tensor()}, {axis_from_right("flip", x.tensor().shape(), axis)}, x.where());
}

Tensor stack(const std::vector<Tensor>& parts, int axis, std::source_location where) {
  if (parts.empty()) throw Error("stack: needs at least one tensor");
  const SourceScope scope(where);
  const int rank = parts[0].rank() + 1;
  const int place = axis < 0 ? axis : axis - rank;
  if (place >= 0 || place < -rank)
    throw Error("stack: no axis " + std::to_string(axis) + " in the stack of " + to_string(parts[0].shape()));
  std::vector<Tensor> expanded;
  for (const Tensor& part : parts) {
    if (!(part.shape() == parts[0].shape()))
      throw Error("stack: shapes " + to_string(parts[0].shape()) + " and " + to_string(part.shape()) +
                  " differ");
    expanded.push_back(insert_axes(part, {place}));
  }
  return concatenate(expanded, place);
}

std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& extents, int axis) {
  axis = axis_from_right("split", x.shape(), axis);
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (const std::int64_t extent : extents) {
    if (extent < 0 || start + extent > x.shape()[axis]) break;
    parts.push_back(slice(x, axis, start, start + extent));
    start += extent;
  }
  if (parts.size() != extents.size() || start != x.shape()[axis])
    throw Error("split: the extents do not add up to axis " + std::to_string(axis) + " of " +
                to_string(x.shape()));
  return parts;
}

Tensor Tensor::operator[](const Index& i) const { return (*this)({i}); }

Tensor Tensor::operator()(std::initializer_list<Index> indices) const {
  if (static_cast<int>(indices.size()) > rank())
    throw Error("index: " + std::to_string(indices.size()) + " indices for shape " + to_string(shape()));
  if (indices.size() == 0) return *this;
  const SourceScope scope(indices.begin()->where);
  Tensor result = *this;
  Axes dropped;
  int axis = -rank();
  for (const Index& index : indices) {
    if (index.integer) {
      const std::int64_t extent = shape()[axis];
      const std::int64_t i = index.start < 0 ? index.start + extent : index.start;
      if (i < 0 || i >= extent)
        throw Error("index: " + std::to_string(index.start) + " is outside axis " + std::to_string(axis) +
                    " of " + to_string(shape()));
      result = slice(result, axis, i, i + 1);
      dropped.push_back(axis);
    } else {
      result = slice(result, axis, index.start, index.stop, index.step);
    }
    ++axis;
  }
  return drop_axes(result, dropped);
}

}  // namespace nabla
