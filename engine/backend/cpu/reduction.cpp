#include <cmath>
#include <limits>
#include <type_traits>

#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/loop.h"
#include "engine/backend/cpu/vector_math.h"
#include "engine/backend/cpu/visit.h"

namespace nabla::cpu {
namespace {

// Sums of f32 are carried in f64: it costs little beside the loads, and long sums stay accurate.
template <class T>
using Accumulator = std::conditional_t<std::is_same_v<T, float>, double, T>;

// A reduction seen as a loop over what is kept, and for each kept element a loop over what is reduced.
struct Reduction {
  Loop<2> kept;     // output, input
  Loop<1> reduced;  // input
  std::int64_t count;

  explicit Reduction(const KernelCall& call) {
    const Array& x = call.inputs[0];
    Layout kept_part = x.layout;
    Layout reduced_part = x.layout;
    reduced_part.shape = Shape::filled(x.shape().rank(), 1);
    for (const std::int64_t axis : call.attributes) {
      kept_part.shape[static_cast<int>(axis)] = 1;
      reduced_part.shape[static_cast<int>(axis)] = x.shape()[static_cast<int>(axis)];
    }
    kept = make_loop<2>(call.output.shape(), {&call.output.layout, &kept_part});
    reduced = make_loop<1>(reduced_part.shape, {&reduced_part});
    count = reduced_part.shape.size();
  }

  // Calls run(offset, count, stride) for the runs that are reduced into one element, in order.
  template <class Run>
  void for_each_reduced_run(Run run) const {
    const std::int64_t inner = reduced.inner_extent();
    const std::int64_t outer = reduced.outer_count();
    if (inner == 0) return;
    std::array<std::int64_t, kMaxRank> at{};
    std::int64_t offset = 0;
    for (std::int64_t r = 0; r < outer; ++r) {
      run(offset, inner, reduced.inner_stride(0));
      for (int i = reduced.rank - 2; i >= 0; --i) {
        const std::size_t axis = static_cast<std::size_t>(i);
        offset += reduced.strides[0][axis];
        if (++at[axis] < reduced.extents[axis]) break;
        offset -= reduced.extents[axis] * reduced.strides[0][axis];
        at[axis] = 0;
      }
    }
  }

  // Calls element(out_offset, in_offset) for every kept element.
  template <class Element>
  void for_each_kept(Element element) const {
    for_each_run<2>(
        kept,
        [&](const std::array<std::int64_t, 2>& at, std::int64_t n) {
          for (std::int64_t i = 0; i < n; ++i)
            element(at[0] + i * kept.inner_stride(0), at[1] + i * kept.inner_stride(1));
        },
        count);
  }
};

template <class T>
Accumulator<T> sum_run(const T* x, std::int64_t count, std::int64_t stride) {
  using A = Accumulator<T>;
  constexpr std::int64_t kLanes = 8;
  A lanes[kLanes] = {};
  std::int64_t i = 0;
  if (stride == 1) {
    for (; i + kLanes <= count; i += kLanes)
      for (std::int64_t k = 0; k < kLanes; ++k) lanes[k] += static_cast<A>(x[i + k]);
  }
  A total{};
  for (const A lane : lanes) total += lane;
  for (; i < count; ++i) total += static_cast<A>(x[i * stride]);
  return total;
}

template <class T>
void sum_typed(const KernelCall& call) {
  using A = Accumulator<T>;
  const Reduction reduction(call);
  const T* x = call.inputs[0].data<const T>();
  T* out = call.output.data<T>();
  if (reduction.kept.rank > 0 && reduction.kept.inner_stride(1) == 1 &&
      reduction.reduced.inner_stride(0) != 1) {
    // The kept axis is the dense one: whole rows are added to a block of sums.
    for_each_run<2>(
        reduction.kept,
        [&](const std::array<std::int64_t, 2>& at, std::int64_t n) {
          constexpr std::int64_t kBlock = 256;
          for (std::int64_t start = 0; start < n; start += kBlock) {
            const std::int64_t width = std::min(kBlock, n - start);
            A sums[kBlock] = {};
            reduction.for_each_reduced_run([&](std::int64_t offset, std::int64_t count, std::int64_t stride) {
              const T* row = x + at[1] + start + offset;
              for (std::int64_t r = 0; r < count; ++r, row += stride)
                for (std::int64_t j = 0; j < width; ++j) sums[j] += static_cast<A>(row[j]);
            });
            for (std::int64_t j = 0; j < width; ++j) out[at[0] + start + j] = static_cast<T>(sums[j]);
          }
        },
        reduction.count);
    return;
  }
  reduction.for_each_kept([&](std::int64_t to, std::int64_t from) {
    A total{};
    reduction.for_each_reduced_run([&](std::int64_t offset, std::int64_t count, std::int64_t stride) {
      total += sum_run(x + from + offset, count, stride);
    });
    out[to] = static_cast<T>(total);
  });
}

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
    visit_numeric("sum", call.output.dtype,
                  [&](auto type) { sum_typed<typename decltype(type)::type>(call); });
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
