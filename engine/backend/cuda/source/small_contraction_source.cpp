#include "engine/backend/cuda/source/primitive_sources.h"

#include <algorithm>

#include "engine/backend/contraction_axes.h"
#include "engine/backend/cuda/source/reduction_source.h"
#include "engine/tensor/error.h"

namespace nabla::cuda {
namespace {

// Products are summed in f64 where they are f32: exact before they are added.
StepSource dot_products(const StepDescription& step, const ReductionWalks& walks) {
  Recipe recipe = sum_recipe("contraction", step.output_type);
  recipe.operands = {"x", "y"};
  recipe.lifted = "static_cast<Total>($e) * static_cast<Total>($f)";
  StepSource source;
  Scratch memory;
  add_reduction(source, memory, recipe, walks, reduction_frame(walks, 2, size_of(step.output_type)),
                {input(0), input(1)}, output());
  source.scratch_bytes = memory.bytes();
  return source;
}

// How a run of an operand is read: adjacent elements, or one for all.
std::string run_of(std::string_view operand, std::int64_t stride, int run) {
  return filled(
      stride == 1 || run == 1 ? "load_run<$run>($x + $x_at(i))" : "repeated<$run>($x[$x_at(i)])",
      {{"run", std::to_string(run)}, {"x", std::string(operand)}, {"x_at", std::string(operand) + "_at"}});
}

// Nothing is summed: every element of the result is one product.
StepSource products(const StepDescription& step, const Walk<>& walk) {
  const auto walks_in_runs = [&](std::size_t k) {
    return walk.inner_stride(k) == 0 || walk.inner_stride(k) == 1;
  };
  const int run =
      walks_in_runs(0) && walks_in_runs(1) ? run_length(walk.inner_extent(), size_of(step.output_type)) : 1;
  KernelSource kernel;
  kernel.entry = "scaled_rows";
  kernel.text = "typedef " + type_name("contraction", step.output_type) + " Element;\n" +
                index_type(walk.size()) + std::string(device_text::runs) + offset_function("x_at", walk, 0) +
                offset_function("y_at", walk, 1) +
                filled(R"(
template <int N>
__device__ __forceinline__ Vec<Element, N> repeated(Element e) {
  Vec<Element, N> run;
  for (int k = 0; k < N; ++k) run.at[k] = e;
  return run;
}

extern "C" __global__ void scaled_rows(const Element* x, const Element* y, Element* out, i64 count) {
  const Index i = (static_cast<Index>(blockIdx.x) * 256 + threadIdx.x) * $run;
  if (i >= static_cast<Index>(count)) return;
  auto e = $e;
  const auto f = $f;
  for (int k = 0; k < $run; ++k) e.at[k] *= f.at[k];
  store_run<$run>(out + i, e);
}
)",
                       {{"run", std::to_string(run)},
                        {"e", run_of("x", walk.inner_stride(0), run)},
                        {"f", run_of("y", walk.inner_stride(1), run)}});
  kernel.arguments = {input(0), input(1), output(), number(walk.size())};
  kernel.blocks = divided_up(divided_up(walk.size(), run), kThreads);
  return {{kernel}, 0};
}

}  // namespace

// Attributes: the axes summed over.
// A contraction that is scalar products or scaled rows, or sums over nothing; cuBLASLt does the others.
StepSource contraction_source(const StepDescription& step) {
  if (step.output_type != DType::f32 && step.output_type != DType::f64)
    throw_unsupported("contraction", step.output_type);
  if (step.output.shape.size() == 0) return {};
  const Layout& x = step.inputs[0];
  const Layout& y = step.inputs[1];
  using Form = SortedContraction::Form;
  const Form form = sort_contraction(x, y, step.output, step.attributes).form;
  if (form == Form::matrix_products)
    throw Error("cuda: contraction of " + to_string(x.shape) + " and " + to_string(y.shape) +
                " is a matrix product, which is not a kernel of its own");
  Shape whole = x.shape;
  for (int i = 0; i < whole.rank(); ++i) whole[i] = x.shape[i] == 1 ? y.shape[i] : x.shape[i];
  const std::vector<std::int64_t> axes(step.attributes.begin(), step.attributes.end());
  const ReductionWalks walks = reduction_walks(whole, axes, {x, y});
  return form == Form::scaled_rows ? products(step, walks.results) : dot_products(step, walks);
}

}  // namespace nabla::cuda
