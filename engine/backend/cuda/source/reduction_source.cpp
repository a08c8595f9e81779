#include "engine/backend/cuda/source/reduction_source.h"

#include "engine/backend/cuda/source/primitive_sources.h"

#include "engine/tensor/error.h"

namespace nabla::cuda {
namespace {

KernelSource reduction_kernel(const Recipe& recipe, const ReductionWalks& walks,
                              const ReductionFrame& frame) {
  std::string parameters;
  std::string pointers;
  for (const std::string_view operand : recipe.operands) {
    const std::string x(operand);
    parameters += (parameters.empty() ? "const Element* " : ", const Element* ") + x;
    pointers += (pointers.empty() ? "" : " ") + x + " + " + x + "_result(result),";
  }
  KernelSource kernel;
  kernel.entry = recipe.entry;
  kernel.text = recipe.definitions + "typedef " + recipe.element + " Element;\ntypedef " + recipe.total +
                " Total;\n" + index_type(walks.results.size() * frame.pieces + walks.terms.size()) +
                std::string(frame.run > 1 ? device_text::runs : "") +
                frame_functions(walks, frame, recipe.operands) + recipe.functions +
                lane_reduction({"reduced", parameters + recipe.captured, "Total", recipe.op, recipe.first,
                                recipe.lifted, recipe.operands},
                               frame) +
                filled(R"(
extern "C" __global__ void $entry($parameters, $result* out, i64 results, i64 terms, i64 pieces,
                                  i64 piece_length$context_parameters) {
$positions$context  const Total v = reduced($pointers$captured start, stop, lane);
  if (lane == 0 && is_result) out[piece * static_cast<Index>(results) + result] = $finish;
}
)",
                       {{"entry", recipe.entry},
                        {"parameters", parameters},
                        {"result", recipe.result},
                        {"context_parameters", recipe.context_parameters},
                        {"positions", frame_positions(frame)},
                        {"context", recipe.context},
                        {"pointers", pointers},
                        {"captured", recipe.captured_value},
                        {"finish", recipe.finish}});
  kernel.blocks = frame.blocks_of(walks.results.size());
  return kernel;
}

std::vector<KernelArgument> arguments_of(const std::vector<KernelArgument>& inputs, KernelArgument to,
                                         const ReductionWalks& walks, const ReductionFrame& frame,
                                         const std::vector<KernelArgument>& context) {
  std::vector<KernelArgument> arguments = inputs;
  arguments.push_back(to);
  for (const KernelArgument& argument : frame_numbers(walks, frame)) arguments.push_back(argument);
  arguments.insert(arguments.end(), context.begin(), context.end());
  return arguments;
}

StepSource reduced(const StepDescription& step, const Recipe& recipe) {
  if (step.output.shape.size() == 0) return {};
  const std::vector<std::int64_t> axes(step.attributes.begin(), step.attributes.end());
  const ReductionWalks walks = reduction_walks(step.inputs[0].shape, axes, {step.inputs[0]});
  StepSource source;
  Scratch memory;
  add_reduction(source, memory, recipe, walks, reduction_frame(walks, 1, size_of(step.input_types[0])),
                {input(0)}, output());
  source.scratch_bytes = memory.bytes();
  return source;
}

// An element and its place along the axis.
constexpr std::string_view kBest = R"(
struct Best {
  $type value;
  i64 place;
};
struct BestOf {
  static __device__ __forceinline__ Best of(Best a, Best b) {
    const bool a_is_nan = a.value != a.value, b_is_nan = b.value != b.value;
    if (a_is_nan != b_is_nan) return a_is_nan ? a : b;
    if (a_is_nan || a.value == b.value) return a.place < b.place ? a : b;
    return a.value > b.value ? a : b;
  }
};
__device__ __forceinline__ Best of_other_lane(Best v, int distance) {
  return {static_cast<$type>(__shfl_xor_sync(0xffffffffu, v.value, distance)),
          __shfl_xor_sync(0xffffffffu, v.place, distance)};
}
)";

StepSource extreme_source(const StepDescription& step, std::string_view name, std::string_view op) {
  const Recipe recipe = extreme_recipe(name, step.output_type, op);
  if (step.inputs[0].shape.size() == 0 && step.output.shape.size() > 0)
    throw Error("cuda: " + std::string(name) + ": there is no extreme of no elements in " +
                to_string(step.inputs[0].shape));
  return reduced(step, recipe);
}

}  // namespace

void add_reduction(StepSource& source, Scratch& memory, const Recipe& recipe, const ReductionWalks& walks,
                   const ReductionFrame& frame, const std::vector<KernelArgument>& inputs,
                   KernelArgument to) {
  if (frame.pieces == 1) {
    KernelSource kernel = reduction_kernel(recipe, walks, frame);
    kernel.arguments = arguments_of(inputs, to, walks, frame, recipe.context_arguments);
    source.kernels.push_back(std::move(kernel));
    return;
  }
  // The totals of the pieces, [pieces, results], are terms of a second reduction.
  const std::int64_t results = walks.results.size();
  const KernelArgument totals = scratch(memory.take(frame.pieces * results * recipe.total_size));
  Recipe pieces = recipe;
  pieces.result = "Total";
  pieces.finish = "v";
  KernelSource kernel = reduction_kernel(pieces, walks, frame);
  kernel.arguments = arguments_of(inputs, totals, walks, frame, recipe.context_arguments);
  source.kernels.push_back(std::move(kernel));

  const Layout of_pieces = Layout::dense({frame.pieces, results});
  const std::array<std::int64_t, 1> pieces_axis{-2};
  const ReductionWalks second = reduction_walks(of_pieces.shape, pieces_axis, {of_pieces});
  ReductionFrame whole = reduction_frame(second, 1, static_cast<std::size_t>(recipe.total_size));
  whole.pieces = 1;
  whole.piece_length = frame.pieces;
  Recipe rest = recipe;
  rest.entry = recipe.entry + "_of_pieces";
  rest.element = recipe.total;
  rest.operands = {"x"};
  rest.first = recipe.first == "Total(0)" ? recipe.first : "x[x_term(start)]";
  rest.lifted = "$e";
  source.kernels.push_back(reduction_kernel(rest, second, whole));
  source.kernels.back().arguments = arguments_of({totals}, to, second, whole, recipe.context_arguments);
}

Recipe sum_recipe(std::string_view primitive, DType dtype) {
  if (dtype == DType::boolean) throw_unsupported(primitive, dtype);
  const DType total = dtype == DType::f32 ? DType::f64 : dtype;
  const std::string type = type_name(primitive, dtype);
  return {.entry = std::string(primitive),
          .element = type,
          .total = type_name(primitive, total),
          .result = type,
          .op = "SumOf",
          .first = "Total(0)",
          .lifted = "static_cast<Total>($e)",
          .finish = "static_cast<" + type + ">(v)",
          .total_size = static_cast<std::int64_t>(size_of(total))};
}

Recipe extreme_recipe(std::string_view primitive, DType dtype, std::string_view op) {
  if (dtype == DType::boolean) throw_unsupported(primitive, dtype);
  const std::string type = type_name(primitive, dtype);
  return {.entry = std::string(primitive),
          .element = type,
          .total = type,
          .result = type,
          .op = std::string(op),
          .first = "x[x_term(start)]",
          .lifted = "$e",
          .finish = "v",
          .total_size = static_cast<std::int64_t>(size_of(dtype))};
}

StepSource sum_source(const StepDescription& step) {
  return reduced(step, sum_recipe("sum", step.output_type));
}

StepSource reduce_max_source(const StepDescription& step) {
  return extreme_source(step, "reduce_max", "MaxOf");
}
StepSource reduce_min_source(const StepDescription& step) {
  return extreme_source(step, "reduce_min", "MinOf");
}

// Attribute: axis. The first of equal elements wins, and the first NaN over all numbers.
StepSource argmax_source(const StepDescription& step) {
  const std::string type = type_name("argmax", step.input_types[0]);
  const Recipe recipe{.entry = "argmax",
                      .element = type,
                      .total = "Best",
                      .result = "i64",
                      .op = "BestOf",
                      .first = "Best{x[x_term(start)], static_cast<i64>(start)}",
                      .lifted = "Best{$e, static_cast<i64>($t)}",
                      .finish = "v.place",
                      .total_size = 16,
                      .definitions = filled(kBest, {{"type", type}})};
  return reduced(step, recipe);
}

}  // namespace nabla::cuda
