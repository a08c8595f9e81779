#include <algorithm>
#include <vector>

#include "engine/backend/cpu/kernels/index_lines.h"
#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/running_sum.h"
#include "engine/backend/cpu/kernels/visit.h"
#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/backend/cpu/threads/thread_pool.h"

// Every element of the result is a RunningSum of the updates with its index, in their order: many updates of
// one row lose no digits, and neither threads nor the way through memory change a bit.

namespace nabla::cpu {
namespace {

constexpr std::int64_t kAddedColumns = IndexLines::kColumns;
constexpr std::int64_t kSumsBytes = IndexLines::kPanelBytes;
// Columns of which a row is summed at once.
constexpr std::int64_t kRowColumns = 256;

template <class T>
struct Sums {
  std::vector<RunningSum<T>> of;
};

// Do neighbouring lines lie side by side and share their indices?
bool has_rows(const IndexLines& scatter) {
  const Walk<3>& lines = scatter.lines;
  return scatter.extent > 0 && lines.rank() > 0 && lines.inner_stride(0) == 1 && lines.inner_stride(2) == 0 &&
         lines.inner_extent() >= 4;
}

// The places of a list of indices, those of one row behind each other in their order.
class PlacesByRow {
 public:
  PlacesByRow(const IndexLines& scatter, const std::int64_t* indices)
      : starts_(static_cast<std::size_t>(scatter.extent + 1)),
        places_(static_cast<std::size_t>(scatter.length)) {
    scatter.require(indices, scatter.index, scatter.length);
    const auto row = [&](std::int64_t i) { return static_cast<std::size_t>(indices[i * scatter.index]); };
    for (std::int64_t i = 0; i < scatter.length; ++i) ++starts_[row(i) + 1];
    for (std::size_t r = 1; r < starts_.size(); ++r) starts_[r] += starts_[r - 1];
    // A row's start moves to its end, which is where the next one starts.
    for (std::int64_t i = 0; i < scatter.length; ++i) places_[starts_[row(i)]++] = i;
  }
  std::span<const std::int64_t> of(std::int64_t row) const {
    const std::int64_t start = row == 0 ? 0 : starts_[row - 1];
    return std::span(places_).subspan(static_cast<std::size_t>(start),
                                      static_cast<std::size_t>(starts_[row] - start));
  }

 private:
  std::vector<std::int64_t> starts_, places_;
};

// Rows [first, last) of one list, from its first column on.
template <class T>
void add_rows(const IndexLines& scatter, const PlacesByRow& places, std::int64_t first, std::int64_t last,
              const T* updates, T* out) {
  const std::int64_t columns = scatter.lines.inner_extent();
  const std::int64_t step = scatter.lines.inner_stride(1);
  for (std::int64_t row = first; row < last; ++row) {
    const std::span<const std::int64_t> of_row = places.of(row);
    for (std::int64_t start = 0; start < columns; start += kRowColumns) {
      const std::int64_t width = std::min(kRowColumns, columns - start);
      RunningSum<T> sums[kRowColumns];
      for (const std::int64_t place : of_row) {
        const T* from = updates + place * scatter.input + start * step;
        if (step == 1) {
          for (std::int64_t j = 0; j < width; ++j) sums[j].add(from[j]);
        } else {
          for (std::int64_t j = 0; j < width; ++j) sums[j].add(from[j * step]);
        }
      }
      T* to = out + row * scatter.out + start;
      for (std::int64_t j = 0; j < width; ++j) to[j] = sums[j].value();
    }
  }
}

// Whole rows go to places that a list tells: it is sorted, and each row of the result is summed by itself.
template <class T>
void scatter_rows(const IndexLines& scatter, const T* updates, const std::int64_t* indices, T* out) {
  const std::int64_t columns = scatter.lines.inner_extent();
  const std::int64_t lists = scatter.lines.outer_size();
  const auto offset = [&](std::size_t operand, std::int64_t list) {
    return scatter.lines.offset(list * columns, operand);
  };
  const std::int64_t work = (scatter.length + scatter.extent) * columns;
  const std::int64_t rows_per_task = std::max<std::int64_t>(1, kTaskElements * scatter.extent / work);
  const std::int64_t lists_per_task = std::max<std::int64_t>(1, kTaskElements / work);
  if (lists_per_task > 1) {
    parallel_for((lists + lists_per_task - 1) / lists_per_task, [&](std::int64_t task) {
      const std::int64_t stop = std::min(lists, (task + 1) * lists_per_task);
      for (std::int64_t list = task * lists_per_task; list < stop; ++list)
        add_rows(scatter, PlacesByRow(scatter, indices + offset(2, list)), 0, scatter.extent,
                 updates + offset(1, list), out + offset(0, list));
    });
    return;
  }
  for (std::int64_t list = 0; list < lists; ++list) {
    const PlacesByRow places(scatter, indices + offset(2, list));
    parallel_for((scatter.extent + rows_per_task - 1) / rows_per_task, [&](std::int64_t task) {
      add_rows(scatter, places, task * rows_per_task, std::min(scatter.extent, (task + 1) * rows_per_task),
               updates + offset(1, list), out + offset(0, list));
    });
  }
}

// Each update of a line to the sum that its index tells. By itself, so that its few pointers stay in
// registers.
template <class T>
[[gnu::noinline]] void add_line(const IndexLines& scatter, const T* updates, const std::int64_t* indices,
                                RunningSum<T>* sums) {
  const std::int64_t stride = scatter.input, index_stride = scatter.index;
  scatter.for_each_checked(indices, index_stride, scatter.length, [=](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) sums[indices[i * index_stride]].add(updates[i * stride]);
  });
}

// Every line has indices of its own: sums of a line, or of neighbouring ones, are all kept at once.
template <class T>
void scatter_lines(const IndexLines& scatter, const T* updates, const std::int64_t* indices, T* out) {
  const std::int64_t size = static_cast<std::int64_t>(sizeof(RunningSum<T>));
  const std::int64_t out_step = scatter.lines.inner_stride(0);
  const std::int64_t step = scatter.lines.inner_stride(1);
  const std::int64_t index_step = scatter.lines.inner_stride(2);
  const std::int64_t most =
      out_step != 1 ? 1
                    : std::clamp<std::int64_t>(kSumsBytes / (size * (scatter.extent + 1)), 1, kAddedColumns);
  for_each_run<3>(
      scatter.lines,
      [&](const std::array<std::int64_t, 3>& at, std::int64_t count) {
        std::vector<RunningSum<T>>& sums = thread_own<Sums<T>>().of;
        for (std::int64_t start = 0; start < count; start += most) {
          const std::int64_t width = std::min(most, count - start);
          const T* from = updates + at[1] + start * step;
          const std::int64_t* index = indices + at[2] + start * index_step;
          T* to = out + at[0] + start * out_step;
          sums.assign(scatter.extent * width, {});
          if (width == 1) {
            add_line(scatter, from, index, sums.data());
          } else {
            for (std::int64_t i = 0; i < scatter.length; ++i) {
              const std::int64_t* row = index + i * scatter.index;
              scatter.require(row, index_step, width);
              for (std::int64_t j = 0; j < width; ++j)
                sums[row[j * index_step] * width + j].add(from[i * scatter.input + j * step]);
            }
          }
          for (std::int64_t i = 0; i < scatter.extent; ++i)
            for (std::int64_t j = 0; j < width; ++j)
              to[i * scatter.out + j * out_step] = sums[i * width + j].value();
        }
      },
      std::min(scatter.length + scatter.extent, kTaskElements / kAddedColumns));
}

// Lines so long that their sums would leave the second-level cache are cut into ranges of rows, by several
// threads: each looks through all indices for those of its rows.
constexpr std::int64_t kMostRanges = 2;
constexpr std::int64_t kFewestUpdates = 65536;

std::int64_t ranges(const IndexLines& scatter, std::int64_t size) {
  if (scatter.length < kFewestUpdates) return 1;
  return std::clamp<std::int64_t>(scatter.extent * size / (2 * kSumsBytes), 1, kMostRanges);
}

template <class T>
void scatter_ranges(const IndexLines& scatter, std::int64_t count, const T* updates,
                    const std::int64_t* indices, T* out) {
  parallel_for(scatter.lines.size() * count, [&](std::int64_t task) {
    const auto offset = [&](std::size_t operand) { return scatter.lines.offset(task / count, operand); };
    const T* from = updates + offset(1);
    const std::int64_t* index = indices + offset(2);
    T* to = out + offset(0);
    const std::int64_t first = task % count * scatter.extent / count;
    const std::int64_t rows = (task % count + 1) * scatter.extent / count - first;
    std::vector<RunningSum<T>>& sums = thread_own<Sums<T>>().of;
    sums.assign(rows, {});
    scatter.for_each_checked(
        index, scatter.index, scatter.length, [&](std::int64_t start, std::int64_t stop) {
          std::int64_t found[kIndexRun];
          std::int64_t size = 0;
          for (std::int64_t i = start; i < stop; ++i) {  // no jump that would be guessed wrong
            found[size] = i;
            size += static_cast<std::uint64_t>(index[i * scatter.index] - first) <
                    static_cast<std::uint64_t>(rows);
          }
          for (std::int64_t i = 0; i < size; ++i)
            sums[index[found[i] * scatter.index] - first].add(from[found[i] * scatter.input]);
        });
    for (std::int64_t i = 0; i < rows; ++i) to[(first + i) * scatter.out] = sums[i].value();
  });
}

}  // namespace

// Attributes: axis, extent.
void scatter_add_kernel(const KernelCall& call) {
  const IndexLines scatter("scatter_add", call, call.output.shape());
  const std::int64_t* indices = call.inputs[1].data<const std::int64_t>();
  visit_numeric("scatter_add", call.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const T* updates = call.inputs[0].data<const T>();
    T* out = call.output.data<T>();
    if (has_rows(scatter)) return scatter_rows(scatter, updates, indices, out);
    const std::int64_t count = ranges(scatter, sizeof(RunningSum<T>));
    if (count > 1) return scatter_ranges(scatter, count, updates, indices, out);
    scatter_lines(scatter, updates, indices, out);
  });
}

}  // namespace nabla::cpu
