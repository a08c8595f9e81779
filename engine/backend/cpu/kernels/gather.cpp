#include <algorithm>
#include <vector>

#include "engine/backend/cpu/kernels/index_lines.h"
#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/visit.h"
#include "engine/backend/cpu/threads/thread_own.h"

namespace nabla::cpu {
namespace {

// Columns that are moved together: a page of memory is met once for all of them.
constexpr std::int64_t kWide = 64;
constexpr std::int64_t kNarrow = IndexLines::kColumns;
// Rows that are asked for ahead: the processor does not guess steps beyond a page.
constexpr std::int64_t kAhead = 4;

// Do so many neighbouring lines lie side by side, with indices of their own, and does copying them first pay?
bool has_columns(const IndexLines& gather, std::int64_t count, std::int64_t size) {
  const Walk<3>& lines = gather.lines;
  return lines.rank() > 0 && lines.inner_extent() >= count && lines.inner_stride(0) == 1 &&
         lines.inner_stride(1) == 1 && lines.inner_stride(2) == 1 && gather.input != 1 &&
         gather.extent <= 4 * gather.length && gather.extent * count * size <= IndexLines::kPanelBytes;
}

// Asks for elements [from, from + count).
template <class T>
void ask_for(const T* from, std::int64_t count) {
#if defined(__GNUC__)
  constexpr std::int64_t kLine = 64 / static_cast<std::int64_t>(sizeof(T));
  for (std::int64_t i = 0; i < count; i += kLine) __builtin_prefetch(from + i);
#endif
}

// Columns behind each other.
template <class T>
struct Panel {
  std::vector<T> elements;
};

// Rows of a few columns, which lie anywhere in the data, would each be a line of the cache of their own: the
// columns are copied behind each other first.
template <std::int64_t kColumns, class T>
void gather_columns(const IndexLines& gather, const KernelCall& call) {
  const T* x = call.inputs[0].data<const T>();
  const std::int64_t* indices = call.inputs[1].data<const std::int64_t>();
  T* out = call.output.data<T>();
  for_each_run<3>(
      gather.lines,
      [&](const std::array<std::int64_t, 3>& at, std::int64_t count) {
        std::vector<T>& panel = thread_own<Panel<T>>().elements;
        panel.resize(gather.extent * kColumns);
        for (std::int64_t start = 0; start < count; start += kColumns) {
          const std::int64_t width = std::min(kColumns, count - start);
          for (std::int64_t i = 0; i < gather.extent; ++i) {
            const T* row = x + at[1] + start + i * gather.input;
            if (i + kAhead < gather.extent) ask_for(row + kAhead * gather.input, width);
            std::copy_n(row, width, panel.data() + i * kColumns);
          }
          for (std::int64_t i = 0; i < gather.length; ++i) {
            const std::int64_t* index = indices + at[2] + start + i * gather.index;
            T* to = out + at[0] + start + i * gather.out;
            if (i + kAhead < gather.length) ask_for(index + kAhead * gather.index, width);
            gather.require(index, 1, width);
            for (std::int64_t j = 0; j < width; ++j) to[j] = panel[index[j] * kColumns + j];
          }
        }
      },
      std::min(gather.length + gather.extent, kTaskElements / (2 * kColumns)));
}

// The output is walked in its order, with the indices; the data stands still along the axis and is offset by
// the index.
template <class T>
void gather_in_order(const IndexLines& gather, const KernelCall& call) {
  const T* x = call.inputs[0].data<const T>();
  const std::int64_t* indices = call.inputs[1].data<const std::int64_t>();
  T* out = call.output.data<T>();
  Layout fixed = call.inputs[0].layout;
  fixed.shape[gather.axis] = 1;
  const Walk<3> walk = merged<3>(call.output.shape(), {&call.output.layout, &fixed, &call.inputs[1].layout});
  const std::int64_t step = walk.inner_stride(1);
  const std::int64_t index_step = walk.inner_stride(2);
  for_each_run<3>(walk, [&](const std::array<std::int64_t, 3>& at, std::int64_t count) {
    const T* from = x + at[1];
    const std::int64_t* index = indices + at[2];
    T* to = out + at[0];
    if (index_step == 0) {
      gather.require(index, index_step, 1);
      const T* row = from + *index * gather.input;
      if (step == 1) {
        std::copy_n(row, count, to);
      } else {
        for (std::int64_t i = 0; i < count; ++i) to[i] = row[i * step];
      }
      return;
    }
    gather.for_each_checked(index, index_step, count, [&](std::int64_t first, std::int64_t last) {
      if (step == 0 && index_step == 1) {
        for (std::int64_t i = first; i < last; ++i) to[i] = from[index[i] * gather.input];
      } else {
        for (std::int64_t i = first; i < last; ++i)
          to[i] = from[i * step + index[i * index_step] * gather.input];
      }
    });
  });
}

}  // namespace

// Attribute: axis.
void gather_kernel(const KernelCall& call) {
  const IndexLines gather("gather", call, call.inputs[0].shape());
  visit_bits(call.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if (has_columns(gather, kWide, sizeof(T))) return gather_columns<kWide, T>(gather, call);
    if (has_columns(gather, kNarrow, sizeof(T))) return gather_columns<kNarrow, T>(gather, call);
    gather_in_order<T>(gather, call);
  });
}

}  // namespace nabla::cpu
