#include "engine/backend/cuda/source/primitive_sources.h"

#include "engine/backend/cuda/source/reduction_source.h"

namespace nabla::cuda {
namespace {

Recipe exponentials_recipe(std::string_view primitive, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::f64) throw_unsupported(primitive, dtype);
  Recipe recipe = sum_recipe(primitive, dtype);
  recipe.lifted = "static_cast<Total>(scalar::exp($e - shift))";
  recipe.captured = ", Element shift";
  recipe.captured_value = " shift,";
  return recipe;
}

std::string top_function(const std::string& type, const ReductionFrame& frame) {
  const std::array<std::string_view, 1> operands{"x"};
  return lane_reduction(
      {"top_of", "const " + type + "* x", type, "MaxOf", "x[x_term(start)]", "$e", operands}, frame);
}

// The largest of each line, where several blocks share a line.
KernelArgument add_tops(StepSource& source, Scratch& memory, std::string_view primitive, DType dtype,
                        const ReductionWalks& walks, const ReductionFrame& frame) {
  Recipe recipe = extreme_recipe(primitive, dtype, "MaxOf");
  recipe.entry += "_tops";
  const KernelArgument tops =
      scratch(memory.take(walks.results.size() * static_cast<std::int64_t>(size_of(dtype))));
  add_reduction(source, memory, recipe, walks, frame, {input(0)}, tops);
  return tops;
}

// One element of the output after the other, or a run.
std::string map_text(const ReductionFrame& frame) {
  if (frame.run == 1) return "    to[out_term(t)] = scalar::exp(from[x_term(t)] - top) / total;\n";
  return filled(R"(    auto e = load_run<$run>(from + x_term(t));
    for (int k = 0; k < $run; ++k) e.at[k] = scalar::exp(e.at[k] - top) / total;
    store_run<$run>(to + out_term(t), e);
)",
                {{"run", std::to_string(frame.run)}});
}

// Infinities stay in the exponent, so that a row of -inf sums to 0.
constexpr std::string_view kShiftOf = R"(
__device__ __forceinline__ $type shift_of($type top) {
  return top == infinity<$type>() || top == -infinity<$type>() ? $type(0) : top;
}
)";

}  // namespace

// Attributes: the axes.
StepSource logsumexp_source(const StepDescription& step) {
  const DType dtype = step.output_type;
  Recipe recipe = exponentials_recipe("logsumexp", dtype);
  if (step.output.shape.size() == 0) return {};
  const std::string type = recipe.element;
  const std::vector<std::int64_t> axes(step.attributes.begin(), step.attributes.end());
  const ReductionWalks walks = reduction_walks(step.inputs[0].shape, axes, {step.inputs[0]});
  const ReductionFrame frame = reduction_frame(walks, 1, size_of(dtype));
  StepSource source;
  Scratch memory;
  recipe.definitions = filled(kShiftOf, {{"type", type}});
  recipe.finish = filled("static_cast<$type>(static_cast<Total>(shift) + scalar::log(v))", {{"type", type}});
  std::string top = "top_of(x + x_result(result), start, stop, lane)";
  if (walks.terms.size() == 0) {
    top = type + "(0)";
  } else if (frame.pieces == 1) {
    recipe.functions = top_function(type, frame);
  } else {
    recipe.context_arguments = {add_tops(source, memory, "logsumexp", dtype, walks, frame)};
    recipe.context_parameters = ", const " + type + "* tops";
    top = "tops[result]";
  }
  recipe.context = filled("  const $type shift = shift_of($top);\n", {{"type", type}, {"top", top}});
  add_reduction(source, memory, recipe, walks, frame, {input(0)}, output());
  source.scratch_bytes = memory.bytes();
  return source;
}

// Attribute: axis.
StepSource softmax_source(const StepDescription& step) {
  const DType dtype = step.output_type;
  Recipe recipe = exponentials_recipe("softmax", dtype);
  if (step.output.shape.size() == 0) return {};
  const std::string type = recipe.element;
  const Layout& x = step.inputs[0];
  const std::array<std::int64_t, 1> axis{step.attributes[0]};
  const ReductionWalks walks = reduction_walks(x.shape, axis, {x, Layout::dense(x.shape)});
  const ReductionFrame frame = reduction_frame(walks, 2, size_of(dtype));
  StepSource source;
  Scratch memory;
  std::string functions;
  std::string parameters;
  std::string top = "top_of(from, start, stop, lane)";
  std::string total = "total_of(from, top, start, stop, lane)";
  std::vector<KernelArgument> context;
  const std::array<std::string_view, 1> operand{"x"};
  if (frame.pieces == 1) {
    functions =
        top_function(type, frame) + lane_reduction({"total_of", "const Element* x, Element shift", "Total",
                                                    "SumOf", "Total(0)", recipe.lifted, operand},
                                                   frame);
  } else {
    // The pieces of a line need its largest element and its sum before they are written.
    const KernelArgument tops = add_tops(source, memory, "softmax", dtype, walks, frame);
    const KernelArgument totals =
        scratch(memory.take(walks.results.size() * static_cast<std::int64_t>(size_of(dtype))));
    recipe.entry = "softmax_totals";
    recipe.context = filled("  const $type shift = tops[result];\n", {{"type", type}});
    recipe.context_parameters = ", const " + type + "* tops";
    recipe.context_arguments = {tops};
    add_reduction(source, memory, recipe, walks, frame, {input(0)}, totals);
    parameters = ", const Element* tops, const Element* totals";
    top = "tops[result]";
    total = "totals[result]";
    context = {tops, totals};
  }
  const std::array<std::string_view, 2> operands{"x", "out"};
  KernelSource kernel;
  kernel.entry = "softmax";
  kernel.text = "typedef " + type + " Element;\ntypedef " + recipe.total + " Total;\n" +
                index_type(walks.results.size() * frame.pieces + walks.terms.size()) +
                std::string(frame.run > 1 ? device_text::runs : "") +
                frame_functions(walks, frame, operands) + functions +
                filled(R"(
extern "C" __global__ void softmax(const Element* x, Element* out, i64 results, i64 terms, i64 pieces,
                                   i64 piece_length$parameters) {
$positions  const Element* from = x + x_result(result);
  const Element top = $top;
  const Element total = static_cast<Element>($total);
  if (!is_result) return;
  Element* to = out + out_result(result);
  for (Index t = start + $lane; t < stop; t += $step) {
$map  }
}
)",
                       {{"parameters", parameters},
                        {"positions", frame_positions(frame)},
                        {"top", top},
                        {"total", total},
                        {"lane", frame.run > 1 ? "lane * " + std::to_string(frame.run) : "lane"},
                        {"map", map_text(frame)},
                        {"step", std::to_string(frame.run * frame.lanes)}});
  kernel.arguments = {input(0), output()};
  for (const KernelArgument& argument : frame_numbers(walks, frame)) kernel.arguments.push_back(argument);
  kernel.arguments.insert(kernel.arguments.end(), context.begin(), context.end());
  kernel.blocks = frame.blocks_of(walks.results.size());
  source.kernels.push_back(std::move(kernel));
  source.scratch_bytes = memory.bytes();
  return source;
}

}  // namespace nabla::cuda
