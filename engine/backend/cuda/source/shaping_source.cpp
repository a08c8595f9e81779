#include "engine/backend/cuda/source/primitive_sources.h"

#include <algorithm>

#include "engine/backend/cuda/source/move_function.h"
#include "engine/backend/cuda/source/source_writer.h"

namespace nabla::cuda {
namespace {

std::string element_type(std::string_view primitive, DType dtype) {
  return "typedef " + moved_type_name(primitive, dtype) + " Element;\n";
}

StepSource moved_to_dense(std::string_view primitive, const Layout& from, DType dtype) {
  if (from.shape.size() == 0) return {};
  const MoveFunction move = move_function("move", Layout::dense(from.shape), from, size_of(dtype));
  KernelSource kernel;
  kernel.entry = "copy";
  kernel.text = element_type(primitive, dtype) + index_type(from.shape.size()) +
                std::string(device_text::runs) + move.text + R"(
extern "C" __global__ void copy(const Element* from, Element* to) { move(from, to, blockIdx.x); }
)";
  kernel.arguments = {input(0), output()};
  kernel.blocks = move.blocks;
  return {{kernel}, 0};
}

// A kernel takes several inputs, each with blocks of its own: few small launches for few small inputs, and
// texts that do not grow without bound.
constexpr std::size_t kPartsOfKernel = 8;

struct Part {
  std::int64_t input;
  std::int64_t start;  // in the output, in elements
  MoveFunction move;
};

KernelSource joined(std::span<const Part> parts, const std::string& head) {
  KernelSource kernel;
  kernel.entry = "concatenate";
  kernel.text = head;
  kernel.arguments = {output()};
  std::string parameters = "Element* to";
  std::string calls;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string name = std::to_string(i);
    kernel.text += parts[i].move.text;
    parameters += ", const Element* part" + name;
    kernel.arguments.push_back(input(parts[i].input));
    calls +=
        filled("  $test move$part(part$part, to + $start, blockIdx.x - $first);\n",
               {{"test", i + 1 < parts.size()
                             ? "if (blockIdx.x < " + std::to_string(first + parts[i].move.blocks) + ") return"
                             : "return"},
                {"part", name},
                {"start", std::to_string(parts[i].start)},
                {"first", std::to_string(first)}});
    first += parts[i].move.blocks;
  }
  kernel.text += "\nextern \"C\" __global__ void concatenate(" + parameters + ") {\n" + calls + "}\n";
  kernel.blocks = first;
  return kernel;
}

}  // namespace

StepSource copy_source(const StepDescription& step) {
  return moved_to_dense("copy", step.inputs[0], step.output_type);
}

// A reshape of elements that do not lie in order: the order is made.
StepSource reshape_source(const StepDescription& step) {
  return moved_to_dense("reshape", step.inputs[0], step.output_type);
}

// Attributes: axis, before, after, interior. Every element of the output is written once: with an element of
// the input or with zero.
StepSource pad_source(const StepDescription& step) {
  const Layout& x = step.inputs[0];
  const std::int64_t count = step.output.shape.size();
  if (count == 0) return {};
  const int axis = static_cast<int>(step.attributes[0]);
  const std::int64_t inner = places_inside(step.output.shape, axis);
  const Walk<> walk = merged(x.shape, {x});
  // Runs lie inside the axis, where all of a run is padding or none.
  const bool dense_lines = walk.inner_stride(0) == 1;
  const int run = dense_lines ? std::min(run_length(inner, size_of(step.output_type)),
                                         run_length(walk.inner_extent(), size_of(step.output_type)))
                              : 1;
  KernelSource kernel;
  kernel.entry = "pad";
  kernel.text = element_type("pad", step.output_type) + index_type(count) + std::string(device_text::runs) +
                offset_function("x_at", walk, 0) +
                filled(R"(
extern "C" __global__ void pad(const Element* x, Element* out) {
  const Index i = static_cast<Index>(static_cast<i64>(blockIdx.x) * 256 + threadIdx.x) * $run;
  if (i >= $count) return;
  const Index inner = i % $inner;
  const i64 place = static_cast<i64>(i / $inner % $padded) - $before;  // along the axis, in steps of the gaps
  Vec<Element, $run> run{};
  if (place >= 0 && place % $step == 0 && place / $step < $extent)
    run = load_run<$run>(x + x_at((i / $line * $extent + static_cast<Index>(place / $step)) * $inner + inner));
  store_run<$run>(out + i, run);
}
)",
                       {{"run", std::to_string(run)},
                        {"count", std::to_string(count)},
                        {"inner", std::to_string(inner)},
                        {"padded", std::to_string(step.output.shape[axis])},
                        {"line", std::to_string(inner * step.output.shape[axis])},
                        {"before", std::to_string(step.attributes[1])},
                        {"step", std::to_string(step.attributes[3] + 1)},
                        {"extent", std::to_string(x.shape[axis])}});
  kernel.arguments = {input(0), output()};
  kernel.blocks = divided_up(divided_up(count, run), kThreads);
  return {{kernel}, 0};
}

// Attribute: axis.
StepSource concatenate_source(const StepDescription& step) {
  const int axis = static_cast<int>(step.attributes[0]);
  const std::string head = element_type("concatenate", step.output_type) +
                           index_type(step.output.shape.size()) + std::string(device_text::runs);
  StepSource source;
  std::vector<Part> parts;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    const Layout& x = step.inputs[i];
    const std::int64_t extent = x.shape[axis];
    if (x.shape.size() == 0) continue;
    Layout target = Layout::dense(step.output.shape);
    target.shape[axis] = extent;
    // Along the other axes a compressed tangent may repeat.
    parts.push_back({static_cast<std::int64_t>(i), start,
                     move_function("move" + std::to_string(parts.size()), target,
                                   x.broadcast_to(target.shape), size_of(step.output_type))});
    start += extent * places_inside(step.output.shape, axis);
    if (parts.size() < kPartsOfKernel) continue;
    source.kernels.push_back(joined(parts, head));
    parts.clear();
  }
  if (!parts.empty()) source.kernels.push_back(joined(parts, head));
  return source;
}

StepSource iota_source(const StepDescription& step) {
  const std::int64_t count = step.output.shape.size();
  if (step.output_type == DType::boolean) throw_unsupported("iota", step.output_type);
  const std::string type = type_name("iota", step.output_type);
  if (count == 0) return {};
  KernelSource kernel;
  kernel.entry = "iota";
  kernel.text = filled(R"(
extern "C" __global__ void iota($type* out, i64 count) {
  const i64 i = static_cast<i64>(blockIdx.x) * 256 + threadIdx.x;
  if (i < count) out[i] = static_cast<$type>(i);
}
)",
                       {{"type", type}});
  kernel.arguments = {output(), number(count)};
  kernel.blocks = divided_up(count, kThreads);
  return {{kernel}, 0};
}

}  // namespace nabla::cuda
