#include <string_view>
#include <vector>

#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/lane_sum.h"
#include "engine/backend/cpu/loop.h"
#include "engine/backend/cpu/reduction_loop.h"
#include "engine/backend/cpu/row_reductions.h"
#include "engine/backend/cpu/sum.h"
#include "engine/backend/cpu/thread_own.h"
#include "engine/backend/cpu/visit.h"

namespace nabla::cpu {
namespace {

RowsLoop loop_for(std::string_view primitive, const KernelCall& call) {
  return row_reduction(primitive, call.output.dtype).at(instruction_set());
}

// A row that lies in pieces, gathered.
template <class T>
struct DenseRow {
  std::vector<T> elements;
};

// Attributes: the axes. Each element of the result comes from one row, gathered first where it lies in
// pieces.
template <class T>
void reduce_rows(const KernelCall& call, RowsLoop loop) {
  const Reduction reduction(call);
  const T* x = call.inputs[0].data<const T>();
  T* out = call.output.data<T>();
  reduction.for_each_kept([&](std::int64_t to, std::int64_t from) {
    if (reduction.reduced.rank <= 1)
      return loop(out + to, {x + from, 0, reduction.reduced.inner_stride(0), reduction.count}, 1);
    std::vector<T>& row = thread_own<DenseRow<T>>().elements;
    row.clear();
    reduction.for_each_reduced_run([&](std::int64_t offset, std::int64_t count, std::int64_t stride) {
      for (std::int64_t i = 0; i < count; ++i) row.push_back(x[from + offset + i * stride]);
    });
    loop(out + to, {row.data(), 0, 1, reduction.count}, 1);
  });
}

// Attribute: axis. Rows are dense while they are worked on.
template <class T>
void softmax(const KernelCall& call, RowsLoop loop) {
  const int axis = static_cast<int>(call.attributes[0]);
  const ArrayView& x = call.inputs[0];
  const std::int64_t length = x.shape()[axis];
  const std::int64_t si = line_stride(x.layout, axis);
  const std::int64_t so = line_stride(call.output.layout, axis);
  const T* in = x.data<const T>();
  T* out = call.output.data<T>();
  for_each_line<2>(call.output.shape(), axis, length, {call.output.layout, x.layout},
                   [&](const std::array<std::int64_t, 2>& at) {
                     if (so == 1) return loop(out + at[0], {in + at[1], 0, si, length}, 1);
                     std::vector<T>& row = thread_own<DenseRow<T>>().elements;
                     row.resize(static_cast<std::size_t>(length));
                     loop(row.data(), {in + at[1], 0, si, length}, 1);
                     for (std::int64_t i = 0; i < length; ++i)
                       out[at[0] + i * so] = row[static_cast<std::size_t>(i)];
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
                     Accumulator<T> sum{};
                     for (std::int64_t i = 0; i < length; ++i) {
                       const std::int64_t k = reverse ? length - 1 - i : i;
                       sum += static_cast<Accumulator<T>>(in[at[1] + k * si]);
                       out[at[0] + k * so] = static_cast<T>(sum);
                     }
                   });
}

}  // namespace

void add_reduction_kernels(KernelTable& table) {
  table["sum"] = [](const KernelCall& call) {
    visit_numeric("sum", call.output.dtype, [&](auto type) { sum<typename decltype(type)::type>(call); });
  };
  table["reduce_max"] = [](const KernelCall& call) {
    visit_real("reduce_max", call.output.dtype, [&](auto type) {
      reduce_rows<typename decltype(type)::type>(call, loop_for("reduce_max", call));
    });
  };
  table["reduce_min"] = [](const KernelCall& call) {
    visit_real("reduce_min", call.output.dtype, [&](auto type) {
      reduce_rows<typename decltype(type)::type>(call, loop_for("reduce_min", call));
    });
  };
  table["logsumexp"] = [](const KernelCall& call) {
    visit_floating("logsumexp", call.output.dtype, [&](auto type) {
      reduce_rows<typename decltype(type)::type>(call, loop_for("logsumexp", call));
    });
  };
  table["softmax"] = [](const KernelCall& call) {
    visit_floating("softmax", call.output.dtype, [&](auto type) {
      softmax<typename decltype(type)::type>(call, loop_for("softmax", call));
    });
  };
  table["cumsum"] = [](const KernelCall& call) {
    visit_numeric("cumsum", call.output.dtype,
                  [&](auto type) { cumsum_typed<typename decltype(type)::type>(call); });
  };
}

}  // namespace nabla::cpu
