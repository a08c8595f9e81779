#include <cmath>
#include <limits>
#include <type_traits>

#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/loop.h"
#include "engine/backend/cpu/reduction_loop.h"
#include "engine/backend/cpu/sum.h"
#include "engine/backend/cpu/vector_math.h"
#include "engine/backend/cpu/visit.h"

namespace nabla::cpu {
namespace {

template <class T, bool kMaximum>
void extreme_typed(const KernelCall& call) {
  const Reduction reduction(call);
  const T* x = call.inputs[0].data<const T>();
  T* out = call.output.data<T>();
  reduction.for_each_kept([&](std::int64_t to, std::int64_t from) {
    T best = x[from];
    reduction.for_each_reduced_run([&](std::int64_t offset, std::int64_t count, std::int64_t stride) {
      for (std::int64_t i = 0; i < count; ++i) {
        const T v = x[from + offset + i * stride];
        if ((kMaximum ? v > best : v < best) || v != v)
          best = v;  // the first NaN stays: nothing compares with it
      }
    });
    out[to] = best;
  });
}

template <class T>
void logsumexp_typed(const KernelCall& call) {
  const Reduction reduction(call);
  const T* x = call.inputs[0].data<const T>();
  T* out = call.output.data<T>();
  reduction.for_each_kept([&](std::int64_t to, std::int64_t from) {
    if constexpr (std::is_same_v<T, Complex>) {
      T sum{};
      reduction.for_each_reduced_run([&](std::int64_t offset, std::int64_t count, std::int64_t stride) {
        for (std::int64_t i = 0; i < count; ++i) sum += std::exp(x[from + offset + i * stride]);
      });
      out[to] = std::log(sum);
    } else {
      T top = -std::numeric_limits<T>::infinity();
      reduction.for_each_reduced_run([&](std::int64_t offset, std::int64_t count, std::int64_t stride) {
        for (std::int64_t i = 0; i < count; ++i) {
          const T v = x[from + offset + i * stride];
          if (v > top || v != v) top = v;
        }
      });
      Accumulator<T> sum{};
      const T shift = std::isinf(top) ? T(0) : top;
      reduction.for_each_reduced_run([&](std::int64_t offset, std::int64_t count, std::int64_t stride) {
        for (std::int64_t i = 0; i < count; ++i)
          sum += static_cast<Accumulator<T>>(cpu::exp(x[from + offset + i * stride] - shift));
      });
      out[to] = static_cast<T>(static_cast<Accumulator<T>>(shift) + std::log(sum));
    }
  });
}

// Attribute: axis.
template <class T>
void softmax_typed(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  const Array& x = call.inputs[0];
  const std::int64_t length = x.shape()[axis];
  const std::int64_t si = line_stride(x.layout, axis);
  const std::int64_t so = line_stride(call.output.layout, axis);
  const T* in = x.data<const T>();
  T* out = call.output.data<T>();
  for_each_line<2>(call.output.shape(), axis, length, {call.output.layout, x.layout},
                   [&](const std::array<std::int64_t, 2>& at) {
                     T* o = out + at[0];
                     const T* v = in + at[1];
                     T top{};
                     if constexpr (!std::is_same_v<T, Complex>) {
                       top = -std::numeric_limits<T>::infinity();
                       for (std::int64_t i = 0; i < length; ++i)
                         if (v[i * si] > top || v[i * si] != v[i * si]) top = v[i * si];
                     }
                     Accumulator<T> sum{};
                     for (std::int64_t i = 0; i < length; ++i) {
                       o[i * so] = cpu::exp(v[i * si] - top);
                       sum += static_cast<Accumulator<T>>(o[i * so]);
                     }
                     const T total = static_cast<T>(sum);
                     for (std::int64_t i = 0; i < length; ++i) o[i * so] /= total;
                   });
}

// Attributes: axis, reverse.
template <class T>
void cumsum_typed(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  const bool reverse = call.attributes[1] != 0;
  const Array& x = call.inputs[0];
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
    visit_real("reduce_max", call.output.dtype,
               [&](auto type) { extreme_typed<typename decltype(type)::type, true>(call); });
  };
  table["reduce_min"] = [](const KernelCall& call) {
    visit_real("reduce_min", call.output.dtype,
               [&](auto type) { extreme_typed<typename decltype(type)::type, false>(call); });
  };
  table["logsumexp"] = [](const KernelCall& call) {
    visit_floating("logsumexp", call.output.dtype,
                   [&](auto type) { logsumexp_typed<typename decltype(type)::type>(call); });
  };
  table["softmax"] = [](const KernelCall& call) {
    visit_floating("softmax", call.output.dtype,
                   [&](auto type) { softmax_typed<typename decltype(type)::type>(call); });
  };
  table["cumsum"] = [](const KernelCall& call) {
    visit_numeric("cumsum", call.output.dtype,
                  [&](auto type) { cumsum_typed<typename decltype(type)::type>(call); });
  };
}

}  // namespace nabla::cpu
