#include <bit>
#include <type_traits>

#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/loop.h"
#include "engine/backend/cpu/kernels/visit.h"

namespace nabla::cpu {
namespace {

// Pairs, fours, ..: the innermost axis is shorter than a call for each of its runs is worth.
template <class T>
void copy_short_runs(T* out, const T* in, const Walk<2>& walk) {
  const std::int64_t run = walk.inner_extent(), so = walk.inner_stride(0), si = walk.inner_stride(1);
  const Walk<2> starts = walk.without(walk.rank() - 1);
  const std::int64_t to_next = starts.inner_stride(0), from_next = starts.inner_stride(1);
  const auto copy = [&](T* o, const T* i, std::int64_t count, auto extent) {
    for (std::int64_t n = 0; n < count; ++n, o += to_next, i += from_next)
      for (std::int64_t k = 0; k < extent; ++k) o[k * so] = i[k * si];
  };
  for_each_run<2>(
      starts,
      [&](const std::array<std::int64_t, 2>& at, std::int64_t count) {
        T* o = out + at[0];
        const T* i = in + at[1];
        if (run == 2)
          copy(o, i, count, std::integral_constant<std::int64_t, 2>());
        else
          copy(o, i, count, run);
      },
      run);
}

template <class T>
void copy_elements(T* out, const Layout& to, const T* in, const Layout& from) {
  constexpr std::int64_t kShortRun = 8;
  const Walk<2> walk = merged<2>(to.shape, {&to, &from});
  if (walk.rank() > 1 && walk.inner_extent() < kShortRun) return copy_short_runs(out, in, walk);
  const std::int64_t so = walk.inner_stride(0);
  const std::int64_t si = walk.inner_stride(1);
  for_each_run<2>(walk, [&](const std::array<std::int64_t, 2>& at, std::int64_t count) {
    T* o = out + at[0];
    const T* i = in + at[1];
    if (so == 1 && si == 1) {
      std::copy(i, i + count, o);
    } else {
      for (std::int64_t k = 0; k < count; ++k) o[k * so] = i[k * si];
    }
  });
}

}  // namespace

// A reshape of elements that do not lie in order: the order is made first.
void reshape_kernel(const KernelCall& call) {
  const ArrayView& x = call.inputs[0];
  visit_bits(x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    copy_elements(call.output.data<T>(), Layout::dense(x.shape()), x.data<const T>(), x.layout);
  });
}

// Attributes: axis, before, after, interior.
void pad_kernel(const KernelCall& call) {
  const Attributes& a = call.attributes;
  const ArrayView& x = call.inputs[0];
  visit_bits(x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    T* out = call.output.data<T>();
    std::fill(out, out + call.output.shape().size(), T{});
    Layout target = call.output.layout;
    const std::size_t axis = x.shape().rank() + a[0];
    T* start = out + a[1] * target.strides[axis];
    target.strides[axis] *= a[3] + 1;
    target.shape = x.shape();
    copy_elements(start, target, x.data<const T>(), x.layout);
  });
}

// Attribute: axis.
void concatenate_kernel(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  visit_bits(call.output.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    T* out = call.output.data<T>();
    Layout target = call.output.layout;
    for (const ArrayView& x : call.inputs) {
      target.shape[axis] = x.shape()[axis];
      copy_elements(out, target, x.data<const T>(), x.layout);
      out += x.shape()[axis] * target.strides[target.shape.rank() + axis];
    }
  });
}

// One element stands for all. Attributes: type, bits of the value, extents.
void constant_kernel(const KernelCall& call) {
  const double value = std::bit_cast<double>(call.attributes[1]);
  if (call.output.dtype == DType::c128) {
    *call.output.data<std::complex<double>>() = value;
    return;
  }
  visit_stored("constant", call.output.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    *call.output.data<T>() = static_cast<T>(value);
  });
}

void iota_kernel(const KernelCall& call) {
  visit_real("iota", call.output.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    T* out = call.output.data<T>();
    for (std::int64_t i = 0; i < call.output.shape().size(); ++i) out[i] = static_cast<T>(i);
  });
}

void copy_to_dense(const KernelCall& call) {
  visit_bits(call.output.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    copy_elements(call.output.data<T>(), call.output.layout, call.inputs[0].data<const T>(),
                  call.inputs[0].layout);
  });
}

}  // namespace nabla::cpu
