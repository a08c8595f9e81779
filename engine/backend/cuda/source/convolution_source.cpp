#include <array>

#include "engine/backend/cuda/source/primitive_sources.h"
#include "engine/backend/cuda/source/source_writer.h"
#include "engine/graph/convolution_window.h"

// Convolutions by direct sums, one thread for each element of the output; f32 is carried in f64. Operands may
// lie in any layout.

namespace nabla::cuda {
namespace {

// A place along each axis of the output's core, the innermost first, and the offset of both operands by its
// leading axes.
constexpr std::string_view kKernel = R"(
extern "C" __global__ void $entry(const Element* a, const Element* b, Element* out, i64 count) {
  const Index i = static_cast<Index>(blockIdx.x) * 256 + threadIdx.x;
  if (i >= static_cast<Index>(count)) return;
  Index rest = i;
$places  const Element* a_core = a + a_leading(rest);
  const Element* b_core = b + b_leading(rest);
  Total sum = Total(0);
$loops    sum += static_cast<Total>(a_core[$a_place]) * static_cast<Total>(b_core[$b_place]);
$ends  out[i] = static_cast<Element>(sum);
}
)";

// A sum of products of strides and names of places.
std::string offset_of(const Layout& x, int core, const std::vector<std::string>& places) {
  std::string text;
  for (int i = 0; i < core; ++i) {
    const int axis = i - core;
    if (x.shape[axis] == 1) continue;
    text += (text.empty() ? "" : " + ") + std::string("(") + places[static_cast<std::size_t>(i)] + ") * " +
            std::to_string(x.strides[static_cast<std::size_t>(x.shape.rank() + axis)]) + "ll";
  }
  return text.empty() ? "0" : text;
}

struct Loops {
  std::string begin, end;

  void over(const std::string& name, std::int64_t extent) {
    begin +=
        "  for (i64 " + name + " = 0; " + name + " < " + std::to_string(extent) + "ll; ++" + name + ") {\n";
    end += "  }\n";
  }
  void let(const std::string& name, const std::string& value) {
    begin += "  const i64 " + name + " = " + value + ";\n";
  }
  void only_if(const std::string& condition) { begin += "  if (!(" + condition + ")) continue;\n"; }
};

std::string text_of(std::int64_t value) { return std::to_string(value) + "ll"; }

// Both names of an axis of the core, in all three kernels: n, o (channel of the output), c (channel within
// the group), and along spatial axis k r<k> for a place, w<k> in the window, s<k> in the data.
enum class Slot { cotangent, data, weight };

StepSource convolution_kernel(std::string_view name, const StepDescription& step, Slot slot) {
  if (step.output.shape.size() == 0) return {};
  if (step.output_type != DType::f32 && step.output_type != DType::f64)
    throw_unsupported(name, step.output_type);
  const ConvolutionWindow window(step.attributes);
  const int spatial = window.spatial;
  const int core = spatial + 2;
  const Layout& a = step.inputs[0];
  const Layout& b = step.inputs[1];
  const Layout& data = slot == Slot::data ? step.output : a;
  const Layout& weight = slot == Slot::data ? a : slot == Slot::weight ? step.output : b;
  const Layout& cotangent = slot == Slot::cotangent ? step.output : b;
  const std::int64_t outputs_of_group = weight.shape[-core] / window.groups;
  const std::int64_t inputs_of_group = weight.shape[1 - core];

  std::vector<std::string> in_data{"n", "channel"}, in_weight{"o", "c"}, in_cotangent{"n", "o"};
  for (int k = 0; k < spatial; ++k) {
    in_data.push_back("s" + std::to_string(k));
    in_weight.push_back("w" + std::to_string(k));
    in_cotangent.push_back("r" + std::to_string(k));
  }
  const std::vector<std::string>& own = slot == Slot::data     ? in_data
                                        : slot == Slot::weight ? in_weight
                                                               : in_cotangent;
  std::string places;
  for (int axis = -1; axis >= -core; --axis) {
    const std::string extent = std::to_string(step.output.shape[axis]);
    places += "  const i64 " + own[static_cast<std::size_t>(core + axis)] + " = rest % " + extent +
              ";\n  rest /= " + extent + ";\n";
  }

  Loops loops;
  if (slot == Slot::cotangent) {
    loops.over("c", inputs_of_group);
    loops.let("channel", "o / " + text_of(std::max<std::int64_t>(1, outputs_of_group)) + " * " +
                             text_of(inputs_of_group) + " + c");
  } else if (slot == Slot::data) {
    loops.let("c", "channel % " + text_of(inputs_of_group));
    loops.over("in_group", outputs_of_group);
    loops.let("o",
              "channel / " + text_of(inputs_of_group) + " * " + text_of(outputs_of_group) + " + in_group");
  } else {
    loops.let("channel", "o / " + text_of(outputs_of_group) + " * " + text_of(inputs_of_group) + " + c");
    loops.over("n", data.shape[-core]);
  }
  for (int k = 0; k < spatial; ++k) {
    const WindowAxis& axis = window.axes[k];
    const std::string s = in_data[static_cast<std::size_t>(k) + 2],
                      w = in_weight[static_cast<std::size_t>(k) + 2],
                      r = in_cotangent[static_cast<std::size_t>(k) + 2];
    const std::int64_t extent = data.shape[k - spatial], wide = weight.shape[k - spatial],
                       count = cotangent.shape[k - spatial];
    if (slot == Slot::data) {
      loops.over(w, wide);
      const std::string at = "at" + std::to_string(k);
      loops.let(at, s + " + " + text_of(axis.before) + " - " + w + " * " + text_of(axis.dilation));
      loops.let(r, at + " / " + text_of(axis.stride));
      loops.only_if(at + " >= 0 && " + r + " * " + text_of(axis.stride) + " == " + at + " && " + r + " < " +
                    text_of(count));
    } else {
      if (slot == Slot::cotangent)
        loops.over(w, wide);
      else
        loops.over(r, count);
      loops.let(s, r + " * " + text_of(axis.stride) + " + " + w + " * " + text_of(axis.dilation) + " - " +
                       text_of(axis.before));
      loops.only_if(s + " >= 0 && " + s + " < " + text_of(extent));
    }
  }

  const int leading = step.output.shape.rank() - core;
  const Walk<> walk =
      merged(step.output.shape.first(leading), {axes_of(a, 0, leading), axes_of(b, 0, leading)});

  const std::string entry(name);
  KernelSource kernel;
  kernel.entry = entry;
  const DType total = step.output_type == DType::f32 ? DType::f64 : step.output_type;
  const std::vector<std::string>& first = slot == Slot::data ? in_weight : in_data;
  const std::vector<std::string>& second = slot == Slot::cotangent ? in_weight : in_cotangent;
  kernel.text = "typedef " + type_name(name, step.output_type) + " Element;\ntypedef " +
                type_name(name, total) + " Total;\n" + index_type(step.output.shape.size()) +
                offset_function("a_leading", walk, 0) + offset_function("b_leading", walk, 1) +
                filled(kKernel, {{"entry", entry},
                                 {"places", places},
                                 {"loops", loops.begin},
                                 {"ends", loops.end},
                                 {"a_place", offset_of(a, core, first)},
                                 {"b_place", offset_of(b, core, second)}});
  kernel.arguments = {input(0), input(1), output(), number(step.output.shape.size())};
  kernel.blocks = divided_up(step.output.shape.size(), kThreads);
  return {{kernel}, 0};
}

}  // namespace

// Attributes: ConvolutionWindow.
StepSource convolution_source(const StepDescription& step) {
  return convolution_kernel("convolution", step, Slot::cotangent);
}
StepSource convolution_to_data_source(const StepDescription& step) {
  return convolution_kernel("convolution_to_data", step, Slot::data);
}
StepSource convolution_to_weight_source(const StepDescription& step) {
  return convolution_kernel("convolution_to_weight", step, Slot::weight);
}

}  // namespace nabla::cuda
