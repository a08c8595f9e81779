#include <algorithm>

#include "engine/backend/cuda/source/convolution_text.h"
#include "engine/backend/cuda/source/source_writer.h"

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

}  // namespace

StepSource convolution_sums_source(const StepDescription& step) {
  const ConvolutionForm form(step);
  const ConvolutionSlot slot = form.slot;
  const int spatial = form.window.spatial;
  const int core = form.core();
  const ConvolutionNames names(spatial);
  const std::vector<std::string>& own = slot == ConvolutionSlot::data     ? names.data
                                        : slot == ConvolutionSlot::weight ? names.weight
                                                                          : names.result;
  std::string places;
  for (int axis = -1; axis >= -core; --axis) {
    const std::string extent = std::to_string(step.output.shape[axis]);
    places += "  const i64 " + own[static_cast<std::size_t>(core + axis)] + " = rest % " + extent +
              ";\n  rest /= " + extent + ";\n";
  }

  Loops loops;
  if (slot == ConvolutionSlot::result) {
    loops.over("c", form.inputs);
    loops.let("channel", "o / " + text_of(std::max<std::int64_t>(1, form.outputs)) + " * " +
                             text_of(form.inputs) + " + c");
  } else if (slot == ConvolutionSlot::data) {
    loops.let("c", "channel % " + text_of(form.inputs));
    loops.over("in_group", form.outputs);
    loops.let("o", "channel / " + text_of(form.inputs) + " * " + text_of(form.outputs) + " + in_group");
  } else {
    loops.let("channel", "o / " + text_of(form.outputs) + " * " + text_of(form.inputs) + " + c");
    loops.over("n", form.samples);
  }
  for (int k = 0; k < spatial; ++k) {
    const WindowAxis& axis = form.window.axes[k];
    const std::size_t at_k = static_cast<std::size_t>(k) + 2;
    const std::string &s = names.data[at_k], &w = names.weight[at_k], &r = names.result[at_k];
    if (slot == ConvolutionSlot::data) {
      loops.over(w, form.window_extent(k));
      const std::string at = "at" + std::to_string(k);
      loops.let(at, s + " + " + text_of(axis.before) + " - " + w + " * " + text_of(axis.dilation));
      loops.let(r, at + " / " + text_of(axis.stride));
      loops.only_if(at + " >= 0 && " + r + " * " + text_of(axis.stride) + " == " + at + " && " + r + " < " +
                    text_of(form.places(k)));
    } else {
      if (slot == ConvolutionSlot::result)
        loops.over(w, form.window_extent(k));
      else
        loops.over(r, form.places(k));
      loops.let(s, r + " * " + text_of(axis.stride) + " + " + w + " * " + text_of(axis.dilation) + " - " +
                       text_of(axis.before));
      loops.only_if(s + " >= 0 && " + s + " < " + text_of(form.data_extent(k)));
    }
  }

  const Layout& a = step.inputs[0];
  const Layout& b = step.inputs[1];
  const Walk<> walk = merged(step.output.shape.first(form.leading),
                             {axes_of(a, 0, form.leading), axes_of(b, 0, form.leading)});
  const std::string_view name = step.primitive->name();
  KernelSource kernel;
  kernel.entry = std::string(name);
  const DType total = step.output_type == DType::f32 ? DType::f64 : step.output_type;
  const std::vector<std::string>& first = slot == ConvolutionSlot::data ? names.weight : names.data;
  const std::vector<std::string>& second = slot == ConvolutionSlot::result ? names.weight : names.result;
  kernel.text = "typedef " + type_name(name, step.output_type) + " Element;\ntypedef " +
                type_name(name, total) + " Total;\n" + index_type(step.output.shape.size()) +
                offset_function("a_leading", walk, 0) + offset_function("b_leading", walk, 1) +
                filled(kKernel, {{"entry", kernel.entry},
                                 {"places", places},
                                 {"loops", loops.begin},
                                 {"ends", loops.end},
                                 {"a_place", core_offset(a, core, first)},
                                 {"b_place", core_offset(b, core, second)}});
  kernel.arguments = {input(0), input(1), output(), number(step.output.shape.size())};
  kernel.blocks = divided_up(step.output.shape.size(), kThreads);
  return {{kernel}, 0};
}

}  // namespace nabla::cuda
