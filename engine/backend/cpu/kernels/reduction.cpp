#include <vector>

#include "engine/backend/cpu/kernels/column_reductions.h"
#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/loop.h"
#include "engine/backend/cpu/kernels/reduction_loop.h"
#include "engine/backend/cpu/kernels/row_reductions.h"
#include "engine/backend/cpu/kernels/running_sum.h"
#include "engine/backend/cpu/kernels/sum.h"
#include "engine/backend/cpu/kernels/visit.h"
#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/backend/cpu/threads/thread_pool.h"

namespace nabla::cpu {
namespace {

RowsLoop rows_loop(Op op, const KernelCall& call) {
  return row_reduction(op, call.output.dtype).at(instruction_set());
}

// A row that lies in pieces, gathered.
template <class T>
struct DenseRow {
  std::vector<T> elements;
};

// Calls body(columns, out_offset, in_offset) for the columns of a walk over what is kept (output, input),
// where there are enough that lie side by side in both; false where there are not.
template <class Body>
bool by_columns(const Walk<2>& kept, std::int64_t length, const Body& body) {
  const std::int64_t inner = kept.inner_extent();
  if (kept.rank() == 0 || kept.inner_stride(0) != 1 || kept.inner_stride(1) != 1 || inner < kFewestColumns ||
      length == 0)
    return false;
  const std::int64_t blocks = (inner + kMostColumns - 1) / kMostColumns;
  const std::int64_t tasks = kept.outer_size() * blocks;
  const std::int64_t per_task =
      std::max<std::int64_t>(1, kTaskElements / (length * std::min(kMostColumns, inner)));
  parallel_for((tasks + per_task - 1) / per_task, [&](std::int64_t task) {
    for (std::int64_t i = task * per_task; i < std::min(tasks, (task + 1) * per_task); ++i) {
      const std::int64_t first = i % blocks * kMostColumns;
      const std::int64_t row = i / blocks * inner;
      body(std::min(kMostColumns, inner - first), kept.offset(row, 0) + first, kept.offset(row, 1) + first);
    }
  });
  return true;
}

// Attributes: the axes. Each element of the result comes from one row, gathered first where it lies in
// pieces.
template <class T>
void reduce_rows(const KernelCall& call, Op op) {
  const Reduction reduction(call);
  const T* x = call.inputs[0].data<const T>();
  T* out = call.output.data<T>();
  if (call.output.shape().size() == 0) return;
  const std::int64_t stride = reduction.reduced.inner_stride(0);
  const ColumnsLoop columns = column_reduction(op, call.output.dtype, instruction_set());
  if (columns && reduction.reduced.rank() == 1 &&
      by_columns(reduction.kept, reduction.count,
                 [&](std::int64_t width, std::int64_t to, std::int64_t from) {
                   columns(out + to, 0, {x + from, stride, reduction.count, width});
                 }))
    return;
  const RowsLoop loop = rows_loop(op, call);
  reduction.for_each_kept([&](std::int64_t to, std::int64_t from) {
    if (reduction.reduced.rank() <= 1) return loop(out + to, {x + from, 0, stride, reduction.count}, 1);
    std::vector<T>& row = thread_own<DenseRow<T>>().elements;
    row.clear();
    reduction.for_each_reduced_run([&](std::int64_t offset, std::int64_t count, std::int64_t step) {
      for (std::int64_t i = 0; i < count; ++i) row.push_back(x[from + offset + i * step]);
    });
    loop(out + to, {row.data(), 0, 1, reduction.count}, 1);
  });
}

// Attribute: axis. Rows are dense while they are worked on.
template <class T>
void softmax(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  const ArrayView& x = call.inputs[0];
  const std::int64_t length = x.shape()[axis];
  const std::int64_t si = line_stride(x.layout, axis);
  const std::int64_t so = line_stride(call.output.layout, axis);
  const T* in = x.data<const T>();
  T* out = call.output.data<T>();
  if (call.output.shape().size() == 0) return;
  Layout kept_in = x.layout;
  Layout kept_out = call.output.layout;
  kept_in.shape[axis] = kept_out.shape[axis] = 1;
  const ColumnsLoop columns = column_reduction(Op::softmax, call.output.dtype, instruction_set());
  if (columns && by_columns(merged<2>(kept_out.shape, {&kept_out, &kept_in}), length,
                            [&](std::int64_t width, std::int64_t to, std::int64_t from) {
                              columns(out + to, so, {in + from, si, length, width});
                            }))
    return;
  const RowsLoop loop = rows_loop(Op::softmax, call);
  for_each_line<2>(call.output.shape(), axis, length, {call.output.layout, x.layout},
                   [&](const std::array<std::int64_t, 2>& at) {
                     if (so == 1) return loop(out + at[0], {in + at[1], 0, si, length}, 1);
                     std::vector<T>& row = thread_own<DenseRow<T>>().elements;
                     row.resize(length);
                     loop(row.data(), {in + at[1], 0, si, length}, 1);
                     for (std::int64_t i = 0; i < length; ++i) out[at[0] + i * so] = row[i];
                   });
}

// Attributes: axis, reverse.
template <class T>
void cumsum_typed(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  const bool reverse = call.attributes[1] != 0;
  const ArrayView& x = call.inputs[0];
  const std::int64_t length = x.shape()[axis];
  const std::int64_t si = line_stride(x.layout, axis);
  const std::int64_t so = line_stride(call.output.layout, axis);
  const T* in = x.data<const T>();
  T* out = call.output.data<T>();
  for_each_line<2>(call.output.shape(), axis, length, {call.output.layout, x.layout},
                   [&](const std::array<std::int64_t, 2>& at) {
                     RunningSum<T> sum;
                     for (std::int64_t i = 0; i < length; ++i) {
                       const std::int64_t k = reverse ? length - 1 - i : i;
                       sum.add(in[at[1] + k * si]);
                       out[at[0] + k * so] = sum.value();
                     }
                   });
}

}  // namespace

void sum_kernel(const KernelCall& call) {
  visit_numeric("sum", call.output.dtype, [&](auto type) { sum<typename decltype(type)::type>(call); });
}
void reduce_max_kernel(const KernelCall& call) {
  visit_real("reduce_max", call.output.dtype,
             [&](auto type) { reduce_rows<typename decltype(type)::type>(call, Op::reduce_max); });
}
void reduce_min_kernel(const KernelCall& call) {
  visit_real("reduce_min", call.output.dtype,
             [&](auto type) { reduce_rows<typename decltype(type)::type>(call, Op::reduce_min); });
}
void logsumexp_kernel(const KernelCall& call) {
  visit_floating("logsumexp", call.output.dtype,
                 [&](auto type) { reduce_rows<typename decltype(type)::type>(call, Op::logsumexp); });
}
void softmax_kernel(const KernelCall& call) {
  visit_floating("softmax", call.output.dtype,
                 [&](auto type) { softmax<typename decltype(type)::type>(call); });
}
void cumsum_kernel(const KernelCall& call) {
  visit_numeric("cumsum", call.output.dtype,
                [&](auto type) { cumsum_typed<typename decltype(type)::type>(call); });
}

}  // namespace nabla::cpu
