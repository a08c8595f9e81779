#include <array>

#include "engine/backend/cuda/source/primitive_sources.h"
#include "engine/backend/cuda/source/sort_source.h"
#include "engine/backend/cuda/source/source_writer.h"

namespace nabla::cuda {
namespace {

// A thread makes one element of the result: it adds the updates with its index in their order, as the CPU
// does, so that results are the CPU's to the bit and no two threads write to one place.

constexpr std::string_view kWalkIndices = R"(
extern "C" __global__ void scatter_add(const Element* updates, const i64* indices, Element* out, i64 count,
                                       i64 length, Refusal* refusal) {
  const Index i = static_cast<Index>(blockIdx.x) * 256 + threadIdx.x;
  if (i >= static_cast<Index>(count)) return;
  const i64 row = $row;
  const Element* from = updates + updates_at(i);
  const i64* index = indices + index_at(i);
  RunningSum<Element> sum;
  for (i64 k = 0; k < length; ++k) {
    const i64 j = index[k * $index_stride];
    if (j == row) sum.add(from[k * $update_stride]);
    if (j < 0 || j >= $extent) refuse(refusal, j);
  }
  out[i] = sum.value();
}
)";

constexpr std::string_view kWalkSorted = R"(
extern "C" __global__ void scatter_add(const Element* updates, const Key* keys, const u32* places, Element* out,
                                       i64 count, i64 length) {
  const Index i = static_cast<Index>(blockIdx.x) * 256 + threadIdx.x;
  if (i >= static_cast<Index>(count)) return;
  const Key row = static_cast<Key>($row);
  const Element* from = updates + updates_at(i);
  const i64 first = index_line(i) * length;
  i64 low = 0, high = length;  // the first update of this row
  while (low < high) {
    const i64 middle = (low + high) / 2;
    if (keys[first + middle] < row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  RunningSum<Element> sum;
  for (; low < length && keys[first + low] == row; ++low)
    sum.add(from[static_cast<i64>(places[first + low]) * $update_stride]);
  out[i] = sum.value();
}
)";

// Indices outside the axis sort behind all rows.
constexpr std::string_view kKeyOfIndex = R"(
__device__ __forceinline__ Key key_of(i64 index, Refusal* refusal) {
  if (index >= 0 && index < $extent) return static_cast<Key>(index);
  refuse(refusal, index);
  return highest<Key>();
}
)";

// Lines of indices that differ: one stands for all along axes where the indices repeat.
Shape distinct_lines(const Layout& indices, int axis) {
  Shape lines = indices.shape;
  for (int i = 0; i < lines.rank(); ++i)
    if (indices.strides[i] == 0) lines[i] = 1;
  lines[axis] = 1;
  return lines;
}

// Updates into an axis without places: every index is wrong.
StepSource refused() {
  KernelSource kernel;
  kernel.entry = "refuse_first";
  kernel.text = R"(
extern "C" __global__ void refuse_first(const i64* indices, Refusal* refusal) {
  if (threadIdx.x == 0) refuse(refusal, indices[0]);
}
)";
  kernel.arguments = {input(1), refusal()};
  kernel.threads = 32;
  return {{kernel}, 0};
}

}  // namespace

// Attributes: axis, extent. Where a line has few indices every element walks them all. Else the indices are
// sorted, once for all lines that share them, and an element finds its first update by bisection: for N
// updates of D elements into V rows that is N log^2 N steps for the sort, V D log N for the bisections and N
// D additions, where the row with the most updates takes as long as they do one after the other.
StepSource scatter_add_source(const StepDescription& step) {
  const DType dtype = step.output_type;
  if (dtype == DType::boolean) throw_unsupported("scatter_add", dtype);
  const std::string type = type_name("scatter_add", dtype);
  const int axis = static_cast<int>(step.attributes[0]);
  const std::int64_t extent = step.attributes[1];
  const Layout& updates = step.inputs[0];
  const Layout& indices = step.inputs[1];
  if (extent == 0 && updates.shape.size() > 0 && indices.shape.size() > 0) return refused();
  if (step.output.shape.size() == 0) return {};
  const std::int64_t length = indices.shape[axis];
  Layout lines = Layout::dense(distinct_lines(indices, axis));
  const Walk<> walk = merged(step.output.shape, {without_axis(updates, axis), without_axis(indices, axis),
                                                 without_axis(lines, axis)});
  const std::int64_t inner = places_inside(step.output.shape, axis);
  std::string row = "static_cast<i64>(i";
  if (inner != 1) row += " / " + std::to_string(inner);
  if (inner * extent != walk.size()) row += " % " + std::to_string(extent);
  row += ")";
  const std::string types =
      "typedef " + type + " Element;\n" + index_type(walk.size()) + offset_function("updates_at", walk, 0);
  KernelSource kernel;
  kernel.entry = "scatter_add";
  kernel.blocks = divided_up(walk.size(), kThreads);
  constexpr std::int64_t kFewIndices = 128;
  if (length <= kFewIndices) {
    kernel.text = types + offset_function("index_at", walk, 1) +
                  filled(kWalkIndices, {{"row", row},
                                        {"extent", std::to_string(extent)},
                                        {"index_stride", std::to_string(line_stride(indices, axis))},
                                        {"update_stride", std::to_string(line_stride(updates, axis))}});
    kernel.arguments = {input(0), input(1), output(), number(walk.size()), number(length), refusal()};
    return {{kernel}, 0};
  }
  const Shape& shape = lines.shape;
  const SortedLines sorted{.element = "i64",
                           .key = extent < (std::int64_t{1} << 32) - 1 ? "u32" : "u64",
                           .key_of = filled(kKeyOfIndex, {{"extent", std::to_string(extent)}}),
                           .refuses = true,
                           .source = 1,
                           .lines = merged(shape, {without_axis(indices, axis), lines}),
                           .length = length,
                           .stride = line_stride(indices, axis)};
  StepSource source;
  Scratch memory;
  const SortedScratch order = add_sort(source, memory, sorted);
  kernel.text =
      types + "typedef " + sorted.key + " Key;\n" + offset_function("index_line", walk, 2) +
      filled(kWalkSorted, {{"row", row}, {"update_stride", std::to_string(line_stride(updates, axis))}});
  kernel.arguments = {input(0), order.keys, order.places, output(), number(walk.size()), number(length)};
  source.kernels.push_back(std::move(kernel));
  source.scratch_bytes = memory.bytes();
  return source;
}

}  // namespace nabla::cuda
