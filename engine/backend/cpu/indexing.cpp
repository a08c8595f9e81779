#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/loop.h"
#include "engine/backend/cpu/scalar_expressions.h"
#include "engine/backend/cpu/visit.h"

namespace nabla::cpu {
namespace {

void require_index(const char* what, std::int64_t index, std::int64_t extent, int axis, const Shape& shape) {
  if (index < 0 || index >= extent)
    throw Error(std::string(what) + ": index " + std::to_string(index) + " is outside axis " +
                std::to_string(axis) + " of " + to_string(shape));
}

// Attribute: axis. Rows along the axes inside `axis` are moved together.
void gather_kernel(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  const ArrayView& x = call.inputs[0];
  const ArrayView& indices = call.inputs[1];
  const std::int64_t extent = x.shape()[axis];
  const std::int64_t sx = line_stride(x.layout, axis);
  const std::int64_t* index = indices.data<const std::int64_t>();
  // The axis is walked by the output and the indices; the data stands still along it and is offset by the
  // index.
  Layout fixed = x.layout;
  fixed.shape[axis] = 1;
  const Loop<3> loop = make_loop<3>(call.output.shape(), {&call.output.layout, &fixed, &indices.layout});
  visit_bits(x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const T* in = x.data<const T>();
    T* out = call.output.data<T>();
    for_each_run<3>(loop, [&](const std::array<std::int64_t, 3>& at, std::int64_t count) {
      const std::int64_t sd = loop.inner_stride(1);
      const std::int64_t si = loop.inner_stride(2);
      if (si == 0) {
        require_index("gather", index[at[2]], extent, axis, x.shape());
        const T* row = in + at[1] + index[at[2]] * sx;
        for (std::int64_t i = 0; i < count; ++i) out[at[0] + i] = row[i * sd];
        return;
      }
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t j = index[at[2] + i * si];
        require_index("gather", j, extent, axis, x.shape());
        out[at[0] + i] = in[at[1] + i * sd + j * sx];
      }
    });
  });
}

// Attributes: axis, extent. Lines are independent; within one, updates are added in order.
void scatter_add_kernel(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  const std::int64_t extent = call.attributes[1];
  const ArrayView& updates = call.inputs[0];
  const ArrayView& indices = call.inputs[1];
  const std::int64_t length = indices.shape()[axis];
  const std::int64_t su = line_stride(updates.layout, axis);
  const std::int64_t si = line_stride(indices.layout, axis);
  const std::int64_t so = line_stride(call.output.layout, axis);
  const std::int64_t* index = indices.data<const std::int64_t>();
  visit_numeric("scatter_add", updates.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    const T* in = updates.data<const T>();
    T* out = call.output.data<T>();
    std::fill(out, out + call.output.shape().size(), T{});
    for_each_line<3>(call.output.shape(), axis, length, {call.output.layout, updates.layout, indices.layout},
                     [&](const std::array<std::int64_t, 3>& at) {
                       for (std::int64_t i = 0; i < length; ++i) {
                         const std::int64_t j = index[at[2] + i * si];
                         require_index("scatter_add", j, extent, axis, call.output.shape());
                         T& to = out[at[0] + j * so];
                         to = Add::of(to, in[at[1] + i * su]);
                       }
                     });
  });
}

template <class T>
void argmax_typed(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  const ArrayView& x = call.inputs[0];
  const std::int64_t length = x.shape()[axis];
  const std::int64_t si = line_stride(x.layout, axis);
  const T* in = x.data<const T>();
  std::int64_t* out = call.output.data<std::int64_t>();
  for_each_line<2>(call.output.shape(), axis, length, {call.output.layout, x.layout},
                   [&](const std::array<std::int64_t, 2>& at) {
                     const T* v = in + at[1];
                     std::int64_t best = 0;
                     for (std::int64_t i = 1; i < length && v[best * si] == v[best * si]; ++i)
                       if (v[i * si] > v[best * si] || v[i * si] != v[i * si]) best = i;
                     out[at[0]] = best;
                   });
}

// Attributes: axis, descending. NaN counts as the largest.
template <class T>
void argsort_typed(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  const bool descending = call.attributes[1] != 0;
  const ArrayView& x = call.inputs[0];
  const std::int64_t length = x.shape()[axis];
  const std::int64_t si = line_stride(x.layout, axis);
  const std::int64_t so = line_stride(call.output.layout, axis);
  const T* in = x.data<const T>();
  std::int64_t* out = call.output.data<std::int64_t>();
  for_each_line<2>(call.output.shape(), axis, length, {call.output.layout, x.layout},
                   [&](const std::array<std::int64_t, 2>& at) {
                     const T* v = in + at[1];
                     std::vector<std::int64_t> order(static_cast<std::size_t>(length));
                     std::iota(order.begin(), order.end(), 0);
                     std::stable_sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
                       const T a = v[i * si];
                       const T b = v[j * si];
                       if (a != a || b != b) return descending ? b == b : a == a;
                       return descending ? b < a : a < b;
                     });
                     for (std::int64_t i = 0; i < length; ++i)
                       out[at[0] + i * so] = order[static_cast<std::size_t>(i)];
                   });
}

}  // namespace

void add_indexing_kernels(KernelTable& table) {
  table["gather"] = &gather_kernel;
  table["scatter_add"] = &scatter_add_kernel;
  table["argmax"] = [](const KernelCall& call) {
    visit_stored("argmax", call.inputs[0].dtype,
                 [&](auto type) { argmax_typed<typename decltype(type)::type>(call); });
  };
  table["argsort"] = [](const KernelCall& call) {
    visit_stored("argsort", call.inputs[0].dtype,
                 [&](auto type) { argsort_typed<typename decltype(type)::type>(call); });
  };
}

}  // namespace nabla::cpu
