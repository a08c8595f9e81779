#include "engine/ops/slicing.h"

#include <algorithm>

#include "engine/ops/contract.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

std::int64_t slice_count(std::int64_t start, std::int64_t stop, std::int64_t step) {
  return stop > start ? (stop - start + step - 1) / step : 0;
}

// Attributes: axis, start, stop, step.
class Slice final : public LinearAlongAxisPrimitive {
 public:
  Slice() : LinearAlongAxisPrimitive(Op::slice) {}
  bool builds_identity() const override { return true; }
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
  std::optional<Layout> view(const Layout& input, const Shape&, const Attributes& a) const override {
    Layout view = input;
    std::int64_t& stride = view.stride(static_cast<int>(a[0]));
    view.offset += a[1] * stride;
    stride *= a[3];
    view.shape[static_cast<int>(a[0])] = slice_count(a[1], a[2], a[3]);
    return view;
  }
};

// Attributes: axis, zeros before, zeros after, zeros between neighbours.
class Pad final : public LinearAlongAxisPrimitive {
 public:
  Pad() : LinearAlongAxisPrimitive(Op::pad) {}
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
class Concatenate final : public LinearAlongAxisPrimitive {
 public:
  Concatenate() : LinearAlongAxisPrimitive(Op::concatenate) {}
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
    for (int i = 0; i < slot; ++i) start += at.inputs[i].shape()[axis];
    const Shape& input = at.inputs[slot].shape();
    Shape whole = at.output.shape();
    whole[axis] = input[axis];
    return sum_to_shape(slice(cotangent, axis, start, start + input[axis]), whole, input);
  }
};

// Attribute: axis.
class Flip final : public LinearAlongAxisPrimitive {
 public:
  Flip() : LinearAlongAxisPrimitive(Op::flip) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    return {inputs[0].shape(), inputs[0].dtype()};
  }
  Tensor transpose(const Application& at, int, const Tensor& cotangent) const override {
    return flip(cotangent, static_cast<int>(at.attributes[0]));
  }
  std::optional<Layout> view(const Layout& input, const Shape&, const Attributes& a) const override {
    Layout view = input;
    std::int64_t& stride = view.stride(static_cast<int>(a[0]));
    const std::int64_t extent = view.shape[static_cast<int>(a[0])];
    if (extent > 0) view.offset += (extent - 1) * stride;
    stride = -stride;
    return view;
  }
};

const Slice& kSlice = *new Slice;
const Pad& kPad = *new Pad;
const Concatenate& kConcatenate = *new Concatenate;
const Flip& kFlip = *new Flip;

}  // namespace

Tensor slice(const Operand& x, int axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
  const Shape& shape = x.tensor().shape();
  axis = axis_from_right("slice", shape, axis);
  const std::int64_t extent = shape[axis];
  if (step < 1) throw Error("slice: step " + std::to_string(step) + " is not positive; use flip to reverse");
  const std::string asked = std::to_string(start) + " to " + std::to_string(stop);
  if (start < 0) start += extent;
  if (stop < 0) stop += extent;
  stop = std::min(stop, extent);
  if (start < 0 || start > extent || stop < 0)
    throw Error("slice: range " + asked + " lies outside axis " + std::to_string(axis) + " of " +
                to_string(shape));
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
  axis = axis_from_right("concatenate", parts[0].shape(), axis);
  for (const Tensor& part : parts) {
    // The primitive broadcasts, for the sake of compressed tangents; a caller who joins unequal parts has
    // erred.
    Shape like = part.shape();
    if (like.rank() == parts[0].rank()) like[axis] = parts[0].shape()[axis];
    if (!(like == parts[0].shape()))
      throw Error(with_operands("concatenate", parts) + " differ beyond axis " + std::to_string(axis));
  }
  if (parts.size() == 1) return parts[0];
  return apply(kConcatenate, parts, {axis}, where);
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
