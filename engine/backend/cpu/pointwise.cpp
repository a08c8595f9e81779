#include <algorithm>
#include <cmath>
#include <type_traits>

#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/loop.h"
#include "engine/backend/cpu/target.h"
#include "engine/backend/cpu/vector_math.h"
#include "engine/backend/cpu/visit.h"
#include "engine/backend/instruction_set.h"

namespace nabla::cpu {
namespace {

template <class T>
inline constexpr bool is_complex = std::is_same_v<T, Complex>;

// ---------------------------------------------------------------------------------------------------------------------
// The scalar expressions. Integers wrap around, computed in the unsigned type of their size.

template <class T>
auto wrapping(T x) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<std::make_unsigned_t<T>>(x);
  } else {
    return x;
  }
}

struct Neg {
  template <class T>
  static T of(T x) {
    return static_cast<T>(-wrapping(x));
  }
};
struct Abs {
  template <class T>
  static T of(T x) {
    if constexpr (std::is_unsigned_v<T>) {
      return x;
    } else if constexpr (std::is_floating_point_v<T>) {
      return std::fabs(x);
    } else {
      return x < T(0) ? static_cast<T>(-wrapping(x)) : x;
    }
  }
};
struct Sign {
  template <class T>
  static T of(T x) {
    if constexpr (std::is_unsigned_v<T>) {
      return static_cast<T>(x != T(0));
    } else if constexpr (std::is_floating_point_v<T>) {
      return x != x ? x : static_cast<T>((T(0) < x) - (x < T(0)));
    } else {
      return static_cast<T>((T(0) < x) - (x < T(0)));
    }
  }
};
struct Square {
  template <class T>
  static T of(T x) {
    return static_cast<T>(wrapping(x) * wrapping(x));
  }
};
struct Sqrt {
  template <class T>
  static T of(T x) {
    return std::sqrt(x);
  }
};
struct Rsqrt {
  template <class T>
  static T of(T x) {
    return T(1) / std::sqrt(x);
  }
};
struct Reciprocal {
  template <class T>
  static T of(T x) {
    return T(1) / x;
  }
};
struct Exp {
  template <class T>
  static T of(T x) {
    return cpu::exp(x);
  }
};
struct Log {
  template <class T>
  static T of(T x) {
    return std::log(x);
  }
};
struct Expm1 {
  template <class T>
  static T of(T x) {
    using cpu::expm1;
    using std::expm1;
    return expm1(x);
  }
};
struct Log1p {
  template <class T>
  static T of(T x) {
    using cpu::log1p;
    using std::log1p;
    return log1p(x);
  }
};
struct Sin {
  template <class T>
  static T of(T x) {
    return std::sin(x);
  }
};
struct Cos {
  template <class T>
  static T of(T x) {
    return std::cos(x);
  }
};
struct Tanh {
  template <class T>
  static T of(T x) {
    return cpu::tanh(x);
  }
};
struct Sigmoid {
  template <class T>
  static T of(T x) {
    return cpu::sigmoid(x);
  }
};
struct Erf {
  template <class T>
  static T of(T x) {
    using cpu::erf;
    using std::erf;
    return erf(x);
  }
};

struct Add {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(wrapping(a) + wrapping(b));
  }
};
struct Sub {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(wrapping(a) - wrapping(b));
  }
};
struct Mul {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(wrapping(a) * wrapping(b));
  }
};
struct Div {
  template <class T>
  static T of(T a, T b) {
    return a / b;
  }
};
struct Max {
  template <class T>
  static T of(T a, T b) {
    return a > b || a != a ? a : b;
  }
};
struct Min {
  template <class T>
  static T of(T a, T b) {
    return a < b || a != a ? a : b;
  }
};
struct Pow {
  template <class T>
  static T of(T a, T b) {
    if constexpr (is_complex<T>) {
      if (a == T(0)) return b == T(0) ? T(1) : T(0);  // std::pow gives NaN
    }
    return std::pow(a, b);
  }
};
struct Equal {
  template <class T>
  static bool of(T a, T b) {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  static bool of(T a, T b) {
    return a != b;
  }
};
struct Less {
  template <class T>
  static bool of(T a, T b) {
    return a < b;
  }
};
struct LessEqual {
  template <class T>
  static bool of(T a, T b) {
    return a <= b;
  }
};

// ---------------------------------------------------------------------------------------------------------------------
// Rows. For floating types the common strides get loops of their own, which compilers vectorise; the other
// types make do with one. Pointers are untyped here, so that one walk over the axes serves every operator and
// type.

template <class T>
inline constexpr bool has_fast_rows = std::is_floating_point_v<T>;

using UnaryRow = void (*)(void* out, const void* x, std::int64_t stride, std::int64_t count);
using BinaryRow = void (*)(void* out, const void* a, std::int64_t sa, const void* b, std::int64_t sb,
                           std::int64_t count);

template <class Op, class T>
[[gnu::always_inline]] inline void unary_loop(void* out_elements, const void* elements, std::int64_t stride,
                                              std::int64_t count) {
  T* out = static_cast<T*>(out_elements);
  const T* x = static_cast<const T*>(elements);
  if (has_fast_rows<T> && stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(x[i]);
  } else if (has_fast_rows<T> && stride == 0) {
    std::fill(out, out + count, Op::template of<T>(*x));
  } else {
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(x[i * stride]);
  }
}

template <class Op, class R, class T>
[[gnu::always_inline]] inline void binary_loop(void* out_elements, const void* a_elements, std::int64_t sa,
                                               const void* b_elements, std::int64_t sb, std::int64_t count) {
  R* out = static_cast<R*>(out_elements);
  const T* a = static_cast<const T*>(a_elements);
  const T* b = static_cast<const T*>(b_elements);
  if (has_fast_rows<T> && sa == 1 && sb == 1) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(a[i], b[i]);
  } else if (has_fast_rows<T> && sa == 1 && sb == 0) {
    const T value = *b;
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(a[i], value);
  } else if (has_fast_rows<T> && sa == 0 && sb == 1) {
    const T value = *a;
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(value, b[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(a[i * sa], b[i * sb]);
  }
}

// The same loops for the baseline and for AVX2, where they pay: what is too short or strange to be vectorised
// stays.
template <class Op, class T>
void unary_baseline(void* out, const void* x, std::int64_t stride, std::int64_t count) {
  unary_loop<Op, T>(out, x, stride, count);
}
template <class Op, class T>
NABLAFLOW_TARGET_AVX2 void unary_avx2(void* out, const void* x, std::int64_t stride, std::int64_t count) {
  unary_loop<Op, T>(out, x, stride, count);
}
template <class Op, class R, class T>
void binary_baseline(void* out, const void* a, std::int64_t sa, const void* b, std::int64_t sb,
                     std::int64_t count) {
  binary_loop<Op, R, T>(out, a, sa, b, sb, count);
}
template <class Op, class R, class T>
NABLAFLOW_TARGET_AVX2 void binary_avx2(void* out, const void* a, std::int64_t sa, const void* b,
                                       std::int64_t sb, std::int64_t count) {
  binary_loop<Op, R, T>(out, a, sa, b, sb, count);
}

template <class Op, class T>
UnaryRow unary_row() {
  if constexpr (has_fast_rows<T>)
    if (instruction_set() == InstructionSet::avx2) return &unary_avx2<Op, T>;
  return &unary_baseline<Op, T>;
}
template <class Op, class R, class T>
BinaryRow binary_row() {
  if constexpr (has_fast_rows<T>)
    if (instruction_set() == InstructionSet::avx2) return &binary_avx2<Op, R, T>;
  return &binary_baseline<Op, R, T>;
}

// The first element of an array, and how many bytes its elements take.
struct Elements {
  explicit Elements(const Array& array)
      : size(static_cast<std::int64_t>(size_of(array.dtype))),
        first(array.buffer->data() + array.layout.offset * size) {}
  std::byte* at(std::int64_t offset) const { return first + offset * size; }
  std::int64_t size;
  std::byte* first;
};

void walk_unary(const KernelCall& call, UnaryRow row) {
  const Array& x = call.inputs[0];
  const Loop<2> loop = make_loop<2>(call.output.shape(), {&call.output.layout, &x.layout});
  const Elements out(call.output);
  const Elements in(x);
  for_each_run<2>(loop, [&](const std::array<std::int64_t, 2>& at, std::int64_t count) {
    row(out.at(at[0]), in.at(at[1]), loop.inner_stride(1), count);
  });
}

void walk_binary(const KernelCall& call, BinaryRow row) {
  const Array& a = call.inputs[0];
  const Array& b = call.inputs[1];
  const Loop<3> loop = make_loop<3>(call.output.shape(), {&call.output.layout, &a.layout, &b.layout});
  const Elements out(call.output);
  const Elements left(a);
  const Elements right(b);
  for_each_run<3>(loop, [&](const std::array<std::int64_t, 3>& at, std::int64_t count) {
    row(out.at(at[0]), left.at(at[1]), loop.inner_stride(1), right.at(at[2]), loop.inner_stride(2), count);
  });
}

template <class Op>
void unary_floating(const KernelCall& call) {
  visit_floating("pointwise", call.output.dtype,
                 [&](auto type) { walk_unary(call, unary_row<Op, typename decltype(type)::type>()); });
}
template <class Op>
void unary_real(const KernelCall& call) {
  visit_real("pointwise", call.output.dtype,
             [&](auto type) { walk_unary(call, unary_row<Op, typename decltype(type)::type>()); });
}
template <class Op>
void unary_numeric(const KernelCall& call) {
  visit_numeric("pointwise", call.output.dtype,
                [&](auto type) { walk_unary(call, unary_row<Op, typename decltype(type)::type>()); });
}
template <class Op>
void binary_floating(const KernelCall& call) {
  visit_floating("pointwise", call.output.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    walk_binary(call, binary_row<Op, T, T>());
  });
}
template <class Op>
void binary_real(const KernelCall& call) {
  visit_real("pointwise", call.output.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    walk_binary(call, binary_row<Op, T, T>());
  });
}
template <class Op>
void binary_numeric(const KernelCall& call) {
  visit_numeric("pointwise", call.output.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    walk_binary(call, binary_row<Op, T, T>());
  });
}
template <class Op>
void comparison(const KernelCall& call) {
  visit_stored("comparison", call.inputs[0].dtype,
               [&](auto type) { walk_binary(call, binary_row<Op, bool, typename decltype(type)::type>()); });
}
// Complex numbers can be compared for equality only; what compares their order in a complex step means the
// real parts.
template <class Op>
void ordering(const KernelCall& call) {
  if (call.inputs[0].dtype != DType::c128) return comparison<Op>(call);
  throw Error("comparison: complex numbers have no order");
}
template <class Op>
void equality(const KernelCall& call) {
  if (call.inputs[0].dtype == DType::c128) return walk_binary(call, binary_row<Op, bool, Complex>());
  comparison<Op>(call);
}
// a > b is b < a.
template <class Op>
void swapped(const KernelCall& call) {
  const Array operands[] = {call.inputs[1], call.inputs[0]};
  ordering<Op>({operands, call.output, call.attributes});
}

void select_kernel(const KernelCall& call) {
  const Loop<4> loop = make_loop<4>(call.output.shape(), {&call.output.layout, &call.inputs[0].layout,
                                                          &call.inputs[1].layout, &call.inputs[2].layout});
  const bool* condition = call.inputs[0].data<const bool>();
  visit_bits(call.output.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    T* out = call.output.data<T>();
    const T* a = call.inputs[1].data<const T>();
    const T* b = call.inputs[2].data<const T>();
    for_each_run<4>(loop, [&](const std::array<std::int64_t, 4>& at, std::int64_t count) {
      const std::int64_t sc = loop.inner_stride(1);
      const std::int64_t sa = loop.inner_stride(2);
      const std::int64_t sb = loop.inner_stride(3);
      for (std::int64_t i = 0; i < count; ++i)
        out[at[0] + i] = condition[at[1] + i * sc] ? a[at[2] + i * sa] : b[at[3] + i * sb];
    });
  });
}

template <class R, class T>
R convert(T x) {
  if constexpr (is_complex<T>) {
    if constexpr (is_complex<R>) return x;
    return convert<R>(x.real());
  } else if constexpr (is_complex<R>) {
    return R(static_cast<double>(x));
  } else if constexpr (std::is_same_v<R, bool>) {
    return x != T(0);
  } else if constexpr (std::is_integral_v<R> && std::is_floating_point_v<T>) {
    // Out of range is undefined in C++: saturate, NaN to 0.
    constexpr T low = static_cast<T>(std::numeric_limits<R>::min());
    constexpr T high = static_cast<T>(std::numeric_limits<R>::max());
    if (x != x) return 0;
    if (x <= low) return std::numeric_limits<R>::min();
    if (x >= high) return std::numeric_limits<R>::max();
    return static_cast<R>(x);
  } else {
    return static_cast<R>(x);
  }
}

template <class F>
void visit_any(DType dtype, F&& f) {
  if (dtype == DType::c128) return f(Type<Complex>{});
  visit_stored("cast", dtype, f);
}

template <class R, class T>
void cast_row(void* out_elements, const void* elements, std::int64_t stride, std::int64_t count) {
  R* out = static_cast<R*>(out_elements);
  const T* x = static_cast<const T*>(elements);
  for (std::int64_t i = 0; i < count; ++i) out[i] = convert<R>(x[i * stride]);
}

void cast_kernel(const KernelCall& call) {
  visit_any(call.inputs[0].dtype, [&](auto from) {
    using T = typename decltype(from)::type;
    visit_any(call.output.dtype,
              [&](auto to) { walk_unary(call, &cast_row<typename decltype(to)::type, T>); });
  });
}

}  // namespace

void add_pointwise_kernels(KernelTable& table) {
  table["neg"] = &unary_numeric<Neg>;
  table["add"] = &binary_numeric<Add>;
  table["sub"] = &binary_numeric<Sub>;
  table["mul"] = &binary_numeric<Mul>;
  table["div"] = &binary_floating<Div>;
  table["max"] = &binary_real<Max>;
  table["min"] = &binary_real<Min>;
  table["abs"] = &unary_real<Abs>;
  table["sign"] = &unary_real<Sign>;
  table["square"] = &unary_numeric<Square>;
  table["sqrt"] = &unary_floating<Sqrt>;
  table["rsqrt"] = &unary_floating<Rsqrt>;
  table["reciprocal"] = &unary_floating<Reciprocal>;
  table["exp"] = &unary_floating<Exp>;
  table["log"] = &unary_floating<Log>;
  table["expm1"] = &unary_floating<Expm1>;
  table["log1p"] = &unary_floating<Log1p>;
  table["sin"] = &unary_floating<Sin>;
  table["cos"] = &unary_floating<Cos>;
  table["tanh"] = &unary_floating<Tanh>;
  table["sigmoid"] = &unary_floating<Sigmoid>;
  table["erf"] = &unary_floating<Erf>;
  table["pow"] = &binary_floating<Pow>;
  table["equal"] = &equality<Equal>;
  table["not_equal"] = &equality<NotEqual>;
  table["less"] = &ordering<Less>;
  table["less_equal"] = &ordering<LessEqual>;
  table["greater"] = &swapped<Less>;
  table["greater_equal"] = &swapped<LessEqual>;
  table["select"] = &select_kernel;
  table["cast"] = &cast_kernel;
}

}  // namespace nabla::cpu
