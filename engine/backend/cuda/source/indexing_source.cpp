#include "engine/backend/cuda/source/primitive_sources.h"

#include "engine/backend/cuda/source/sort_source.h"
#include "engine/backend/cuda/source/source_writer.h"

namespace nabla::cuda {
namespace {

// Unsigned integers in the order of the elements, with NaN as the largest and both zeros equal.
std::string order_key(DType dtype, bool descending) {
  std::string_view body;
  switch (dtype) {
    case DType::f32:
      body = R"(
  const u32 bits = e == 0.0f ? 0u : __float_as_uint(e);
  const Key key = e != e ? highest<Key>() : bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);)";
      break;
    case DType::f64:
      body = R"(
  const u64 bits = e == 0.0 ? 0ull : static_cast<u64>(__double_as_longlong(e));
  const Key key = e != e ? highest<Key>() : bits ^ (bits >> 63 ? 0xffffffffffffffffull : 0x8000000000000000ull);)";
      break;
    case DType::i32:
      body = "\n  const Key key = static_cast<Key>(e) ^ 0x80000000u;";
      break;
    case DType::i64:
      body = "\n  const Key key = static_cast<Key>(e) ^ 0x8000000000000000ull;";
      break;
    default:
      body = "\n  const Key key = static_cast<Key>(e);";
  }
  return "\n// In the order of the elements" + std::string(descending ? ", the largest first" : "") +
         ": equal zeros, NaN as the largest.\n__device__ __forceinline__ Key key_of(Element e) {" +
         std::string(body) + "\n  return " + (descending ? "~key" : "key") + ";\n}\n";
}

}  // namespace

// Attribute: axis. A thread moves a run of elements where the inner axes are dense and share one index.
StepSource gather_source(const StepDescription& step) {
  const std::string type = moved_type_name("gather", step.output_type);
  if (step.output.shape.size() == 0) return {};
  const int axis = static_cast<int>(step.attributes[0]);
  const Layout& x = step.inputs[0];
  const Walk<> walk = merged(step.output.shape, {without_axis(x, axis), step.inputs[1]});
  const bool whole_rows = walk.inner_stride(0) == 1 && walk.inner_stride(1) == 0;
  const int run = whole_rows ? run_length(walk.inner_extent(), size_of(step.output_type)) : 1;
  KernelSource kernel;
  kernel.entry = "gather";
  kernel.text = "typedef " + type + " Element;\n" + index_type(walk.size()) + std::string(device_text::runs) +
                offset_function("x_at", walk, 0) + offset_function("index_at", walk, 1) +
                filled(R"(
extern "C" __global__ void gather(const Element* x, const i64* indices, Element* out, i64 count, i64 extent,
                                  Refusal* refusal) {
  const Index i = (static_cast<Index>(blockIdx.x) * 256 + threadIdx.x) * $run;
  if (i >= static_cast<Index>(count)) return;
  const i64 index = indices[index_at(i)];
  Vec<Element, $run> run{};
  if (index >= 0 && index < extent) {
    run = load_run<$run>(x + x_at(i) + index * $stride);
  } else {
    refuse(refusal, index);
  }
  store_run<$run>(out + i, run);
}
)",
                       {{"run", std::to_string(run)}, {"stride", std::to_string(line_stride(x, axis))}});
  kernel.arguments = {input(0), input(1), output(), number(walk.size()), number(x.shape[axis]), refusal()};
  kernel.blocks = divided_up(divided_up(walk.size(), run), kThreads);
  return {{kernel}, 0};
}

// Attributes: axis, descending, how many of the places are wanted.
StepSource argsort_source(const StepDescription& step) {
  const DType dtype = step.input_types[0];
  const std::string type = type_name("argsort", dtype);
  if (step.output.shape.size() == 0) return {};
  const int axis = static_cast<int>(step.attributes[0]);
  const Layout& x = step.inputs[0];
  const Layout out = Layout::dense(step.output.shape);
  const SortedLines lines{
      .element = type,
      .key = size_of(dtype) == 8 ? "u64" : "u32",
      .key_of = order_key(dtype, step.attributes[1] != 0),
      .refuses = false,
      .source = 0,
      .lines = merged(without_axis(out, axis).shape, {without_axis(x, axis), without_axis(out, axis)}),
      .length = x.shape[axis],
      .stride = line_stride(x, axis)};
  StepSource source;
  Scratch memory;
  add_sort_to_output(source, memory, lines, {line_stride(out, axis), step.attributes[2]});
  source.scratch_bytes = memory.bytes();
  return source;
}

}  // namespace nabla::cuda
