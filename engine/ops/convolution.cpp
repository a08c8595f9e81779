#include "engine/ops/convolution.h"

#include <algorithm>
#include <string_view>

#include "engine/graph/convolution_window.h"
#include "engine/ops/contract.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

Tensor convolved(const Tensor& data, const Tensor& weight, const ConvolutionWindow& window);
Tensor to_data(const Tensor& weight, const Tensor& cotangent, const ConvolutionWindow& window);
Tensor to_weight(const Tensor& data, const Tensor& cotangent, const ConvolutionWindow& window);

// One slot of the trilinear form as the output of the two others, in each of which it is linear. Attributes:
// ConvolutionWindow. The outer two axes of the core are N and the channels, or both channels of the weight.
class ConvolutionForm : public MultilinearPrimitive {
 public:
  TensorType infer(Inputs inputs, const Attributes& attributes) const final {
    const auto refuse = [&](const std::string& why) {
      throw Error(with_operands(name(), inputs) + ": " + why);
    };
    if (inputs[0].dtype() != inputs[1].dtype()) refuse("they differ in type; cast one of them");
    if (!is_floating(inputs[0].dtype())) refuse("needs a floating type; cast first");
    const ConvolutionWindow window(attributes);
    const int leading = inputs[0].rank() - window.spatial - 2;
    const Shape& a = inputs[0].shape();
    const Shape& b = inputs[1].shape();
    Shape shape;
    if (leading < 0 || !broadcast_shapes(a.first(leading), b.first(leading), shape))
      refuse("leading axes must be equal, or 1");
    const Shape outer = outer_extents(a.without_first(leading), b.without_first(leading), window.groups);
    if (outer.rank() == 0)
      refuse("channels or samples do not fit" +
             (window.groups == 1 ? "" : " in " + std::to_string(window.groups) + " groups"));
    shape = concatenate(shape, outer);
    for (int i = 0; i < window.spatial; ++i) {
      const int axis = i - window.spatial;
      const Extents extents = extents_along(a[axis], b[axis], window.extents[i]);
      if (window.axes[i].places(extents.data, extents.window) != extents.places)
        refuse("a window of " + std::to_string(extents.window) + " has no " + std::to_string(extents.places) +
               " places on " + std::to_string(extents.data) + " elements; " + describe(attributes));
      shape.push_back(window.extents[i]);
    }
    return {shape, inputs[0].dtype()};
  }

  Tensor transpose(const Application& at, int slot, const Tensor& cotangent) const final {
    const Tensor& own = at.inputs[slot];
    const ConvolutionWindow window = ConvolutionWindow(at.attributes).with_output(own.shape());
    const int leading = own.rank() - window.spatial - 2;
    Shape summed = at.output.shape().first(leading);
    const Tensor result = slot_transpose(at, slot, cotangent, summed, window);
    return sum_to_shape(result, concatenate(summed, own.shape().without_first(leading)), own.shape());
  }

  std::optional<int> carried_axis(const Application& at, int slot, int axis) const final {
    const ConvolutionWindow window(at.attributes);
    if (axis < -window.spatial - 2) return axis;
    return carried_in_core(slot, axis + window.spatial, window.groups == 1, window.spatial);
  }
  // Of the data, place by place.
  std::optional<AxisWindow> window_along(const Application& at, int slot, int axis) const final {
    const ConvolutionWindow window(at.attributes);
    if (axis < -window.spatial || slot != data_slot())
      return MultilinearPrimitive::window_along(at, slot, axis);
    const WindowAxis& along = window.axes[axis + window.spatial];
    if (along.stride != 1) return std::nullopt;
    const std::int64_t wide = along.dilation * (at.inputs[1 - slot].shape()[axis] - 1);
    if (slot == 0) return AxisWindow{axis, -along.before, wide - along.before};
    return AxisWindow{axis, along.before - wide, along.before};
  }
  // In the core the other slot may sum what one carries: there the transform expands the cotangent.
  bool accepts_compressed_cotangent(const Application& at, int axis) const final {
    return axis < -ConvolutionWindow(at.attributes).spatial - 2;
  }
  bool is_constant_operator(int) const final { return true; }

  std::string describe(const Attributes& attributes) const final {
    const ConvolutionWindow window(attributes);
    // Of each axis, and only what is not as usual.
    std::string text;
    const auto add = [&](const char* name, auto number, const std::string& usual) {
      std::string list;
      bool is_usual = true;
      for (int i = 0; i < window.spatial; ++i) {
        const std::string entry = number(window.axes[i]);
        is_usual = is_usual && entry == usual;
        list += (i ? "," : "") + entry;
      }
      if (!is_usual) text += (text.empty() ? "" : " ") + std::string(name) + " " + list;
    };
    add(
        "stride", [](const WindowAxis& x) { return std::to_string(x.stride); }, "1");
    add(
        "padding",
        [](const WindowAxis& x) { return std::to_string(x.before) + "+" + std::to_string(x.after); }, "0+0");
    add(
        "dilation", [](const WindowAxis& x) { return std::to_string(x.dilation); }, "1");
    if (window.groups != 1) text += (text.empty() ? "" : " ") + std::to_string(window.groups) + " groups";
    return text;
  }

 protected:
  using MultilinearPrimitive::MultilinearPrimitive;

  // The slot whose places are seen through the window from those of the output; -1 for none.
  virtual int data_slot() const = 0;

  struct Extents {
    std::int64_t data, window, places;
  };
  // Along a spatial axis, from the extents of both operands and the output.
  virtual Extents extents_along(std::int64_t a, std::int64_t b, std::int64_t out) const = 0;
  // The outer two extents of the output's core; none where the operands' do not fit.
  virtual Shape outer_extents(const Shape& a, const Shape& b, std::int64_t groups) const = 0;
  // `outer` is -2 for the first axis of the core and -1 for the second; else the axis is spatial.
  virtual std::optional<int> carried_in_core(int slot, int outer, bool is_one_group, int spatial) const = 0;
  // Leading axes that the slot was repeated along may still be there: `repeated` tells the extents of those
  // that are.
  virtual Tensor slot_transpose(const Application& at, int slot, const Tensor& cotangent, Shape& repeated,
                                const ConvolutionWindow& window) const = 0;

  // The weight's slot. Samples that lie along leading axes of the others alone are samples of one sum.
  static Tensor weight_slot(const Tensor& own, const Tensor& data, const Tensor& cotangent, Shape& repeated,
                            const ConvolutionWindow& window) {
    const Shape ones = Shape::filled(repeated.rank(), 1);
    if (repeated == ones || !(own.shape().first(repeated.rank()) == ones))
      return to_weight(data, cotangent, window);
    const auto folded = [&](const Tensor& x) {
      const int others = x.rank() - window.spatial - 2 - repeated.rank();  // leading axes of tangents
      const Shape outer = x.shape().first(others);
      const Shape core = x.shape().without_first(others + repeated.rank());
      Shape samples = core;
      samples[0] *= repeated.size();
      return reshape(broadcast_to(x, concatenate(concatenate(outer, repeated), core)),
                     concatenate(concatenate(outer, ones), samples));
    };
    const Tensor samples_of_all = folded(data);
    const Tensor cotangents_of_all = folded(cotangent);
    repeated = ones;
    return to_weight(samples_of_all, cotangents_of_all, window);
  }
};

class Convolution final : public ConvolutionForm {
 public:
  Convolution() : ConvolutionForm(Op::convolution) {}

 private:
  int data_slot() const override { return 0; }
  Extents extents_along(std::int64_t data, std::int64_t weight, std::int64_t out) const override {
    return {data, weight, out};
  }
  Shape outer_extents(const Shape& data, const Shape& weight, std::int64_t groups) const override {
    if (data[1] != weight[1] * groups || weight[0] % groups != 0) return {};
    return {data[0], weight[0]};
  }
  std::optional<int> carried_in_core(int slot, int outer, bool is_one_group, int spatial) const override {
    if (slot == 0 && outer == -2) return -spatial - 2;
    if (slot == 1 && outer == -2 && is_one_group) return -spatial - 1;
    return std::nullopt;
  }
  Tensor slot_transpose(const Application& at, int slot, const Tensor& cotangent, Shape& repeated,
                        const ConvolutionWindow& window) const override {
    if (slot == 0) return to_data(at.inputs[1], cotangent, window);
    return weight_slot(at.inputs[1], at.inputs[0], cotangent, repeated, window);
  }
};

class ConvolutionToData final : public ConvolutionForm {
 public:
  ConvolutionToData() : ConvolutionForm(Op::convolution_to_data) {}

 private:
  int data_slot() const override { return 1; }
  Extents extents_along(std::int64_t weight, std::int64_t cotangent, std::int64_t out) const override {
    return {out, weight, cotangent};
  }
  Shape outer_extents(const Shape& weight, const Shape& cotangent, std::int64_t groups) const override {
    if (weight[0] != cotangent[1] || weight[0] % groups != 0) return {};
    return {cotangent[0], weight[1] * groups};
  }
  std::optional<int> carried_in_core(int slot, int outer, bool is_one_group, int spatial) const override {
    if (slot == 0 && outer == -1 && is_one_group) return -spatial - 1;
    if (slot == 1 && outer == -2) return -spatial - 2;
    return std::nullopt;
  }
  Tensor slot_transpose(const Application& at, int slot, const Tensor& cotangent, Shape& repeated,
                        const ConvolutionWindow& window) const override {
    if (slot == 1) return convolved(cotangent, at.inputs[0], window);
    return weight_slot(at.inputs[0], cotangent, at.inputs[1], repeated, window);
  }
};

class ConvolutionToWeight final : public ConvolutionForm {
 public:
  ConvolutionToWeight() : ConvolutionForm(Op::convolution_to_weight) {}

 private:
  int data_slot() const override { return -1; }
  Extents extents_along(std::int64_t data, std::int64_t cotangent, std::int64_t out) const override {
    return {data, out, cotangent};
  }
  Shape outer_extents(const Shape& data, const Shape& cotangent, std::int64_t groups) const override {
    if (data[0] != cotangent[0] || data[1] % groups != 0 || cotangent[1] % groups != 0) return {};
    return {cotangent[1], data[1] / groups};
  }
  std::optional<int> carried_in_core(int slot, int outer, bool is_one_group, int spatial) const override {
    if (outer != -1 || !is_one_group) return std::nullopt;
    return slot == 0 ? -spatial - 1 : -spatial - 2;
  }
  Tensor slot_transpose(const Application& at, int slot, const Tensor& cotangent, Shape&,
                        const ConvolutionWindow& window) const override {
    if (slot == 0) return to_data(cotangent, at.inputs[1], window);
    return convolved(at.inputs[0], cotangent, window);
  }
};

const Convolution& kConvolution = *new Convolution;
const ConvolutionToData& kConvolutionToData = *new ConvolutionToData;
const ConvolutionToWeight& kConvolutionToWeight = *new ConvolutionToWeight;

// Operands of a primitive have equal rank.
Tensor of_equal_rank(const Primitive& primitive, const Tensor& a, const Tensor& b,
                     const ConvolutionWindow& window) {
  const int rank = std::max(a.rank(), b.rank());
  return apply(primitive, {promote(a, rank), promote(b, rank)}, window.attributes());
}

Tensor convolved(const Tensor& data, const Tensor& weight, const ConvolutionWindow& window) {
  return of_equal_rank(kConvolution, data, weight, window);
}
Tensor to_data(const Tensor& weight, const Tensor& cotangent, const ConvolutionWindow& window) {
  return of_equal_rank(kConvolutionToData, weight, cotangent, window);
}
Tensor to_weight(const Tensor& data, const Tensor& cotangent, const ConvolutionWindow& window) {
  return of_equal_rank(kConvolutionToWeight, data, cotangent, window);
}

// The window of what a user asks for, and the faults of it.
class Request {
 public:
  Request(std::string_view name, const Tensor& data, const Tensor& weight)
      : name_(name), operands_{data, weight}, spatial_(weight.rank() - 2) {
    if (spatial_ < 1 || spatial_ > ConvolutionWindow::kMostSpatial)
      refuse("the weight has two axes of channels and one to three spatial ones");
    if (data.rank() < spatial_ + 1)
      refuse("the data needs an axis of channels before as many spatial ones as the weight has");
  }
  int spatial() const { return spatial_; }

  ConvolutionWindow window(const ConvolutionOptions& options) const {
    ConvolutionWindow window;
    window.spatial = spatial_;
    window.groups = options.groups;
    if (options.groups < 1) refuse(std::to_string(options.groups) + " groups; there is 1 at least");
    for (int i = 0; i < spatial_; ++i) {
      WindowAxis& axis = window.axes[i];
      axis.stride = number("stride", options.stride, i, 1, 1);
      axis.dilation = number("dilation", options.dilation, i, 1, 1);
      axis.before = number("padding", options.padding, i, 0, 0);
      axis.after = number("padding_after", options.padding_after, i, axis.before, 0);
    }
    return window;
  }
  // Entry `i` of an option.
  std::int64_t number(const char* option, const std::vector<std::int64_t>& list, int i, std::int64_t usual,
                      std::int64_t least) const {
    if (list.empty()) return usual;
    if (list.size() != 1 && static_cast<int>(list.size()) != spatial_)
      refuse(std::string(option) + " has " + std::to_string(list.size()) + " numbers for " +
             std::to_string(spatial_) + " spatial axes");
    const std::int64_t value = list.size() == 1 ? list[0] : list[static_cast<std::size_t>(i)];
    if (value < least || value > kMost)
      refuse(std::string(option) + " is " + std::to_string(value) + "; it is from " + std::to_string(least) +
             " to " + std::to_string(kMost));
    return value;
  }
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(with_operands(name_, operands_) + ": " + why);
  }

 private:
  static constexpr std::int64_t kMost = std::int64_t{1} << 31;  // products of such numbers do not overflow

  std::string_view name_;
  std::array<Tensor, 2> operands_;
  int spatial_;
};

// Data without an axis of samples is one sample.
template <class Work>
Tensor with_samples(const Tensor& data, int spatial, const Work& work) {
  if (data.rank() > spatial + 1) return work(data);
  return drop_axes(work(insert_axes(data, {-spatial - 2})), {-spatial - 2});
}

}  // namespace

Tensor convolution(const Operand& data, const Operand& weight, const ConvolutionOptions& options) {
  const SourceScope scope(data.where());
  const Tensor& w = weight.tensor();
  const Request request("convolution", data.tensor(), w);
  ConvolutionWindow window = request.window(options);
  for (int i = 0; i < request.spatial(); ++i) {
    const int axis = i - request.spatial();
    window.extents[i] = window.axes[i].places(data.tensor().shape()[axis], w.shape()[axis]);
    if (window.extents[i] < 1 || w.shape()[axis] < 1)
      request.refuse("the window of " + std::to_string(w.shape()[axis]) + " does not fit");
  }
  return with_samples(data.tensor(), request.spatial(),
                      [&](const Tensor& x) { return convolved(x, w, window); });
}

Tensor transposed_convolution(const Operand& data, const Operand& weight,
                              const TransposedConvolutionOptions& options) {
  const SourceScope scope(data.where());
  const Tensor& w = weight.tensor();
  const Request request("transposed_convolution", data.tensor(), w);
  ConvolutionWindow window = request.window(options.window);
  for (int i = 0; i < request.spatial(); ++i) {
    const int axis = i - request.spatial();
    const WindowAxis& at = window.axes[i];
    const std::int64_t more = request.number("output_padding", options.output_padding, i, 0, 0);
    if (more >= at.stride)
      request.refuse("output_padding is " + std::to_string(more) + "; it is below the stride");
    window.extents[i] = (data.tensor().shape()[axis] - 1) * at.stride - at.before - at.after +
                        at.dilation * (w.shape()[axis] - 1) + 1 + more;
    if (window.extents[i] < 1 || data.tensor().shape()[axis] < 1 || w.shape()[axis] < 1)
      request.refuse("nothing is left of axis " + std::to_string(axis));
  }
  return with_samples(data.tensor(), request.spatial(),
                      [&](const Tensor& x) { return to_data(w, x, window); });
}

}  // namespace nabla
