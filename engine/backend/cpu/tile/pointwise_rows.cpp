#include "engine/backend/cpu/tile/pointwise_rows.h"

#include <algorithm>
#include <concepts>
#include <map>
#include <string>
#include <type_traits>

#include "engine/backend/cpu/kernels/visit.h"
#include "engine/backend/cpu/tile/scalar_expressions.h"
#include "engine/backend/target.h"

namespace nabla::cpu {
namespace {

// ---------------------------------------------------------------------------------------------------------------------
// For floating types the common strides get loops of their own, which compilers vectorise; the other types
// make do with one.

template <class T>
inline constexpr bool has_fast_rows = std::is_floating_point_v<T>;

template <class Op, class T>
concept HasUsualRange = requires(T x) {
  { Op::is_usual(x) } -> std::same_as<bool>;
  { Op::of_usual(x) } -> std::same_as<T>;
};

template <class Op, class T>
NABLAFLOW_INLINED bool all_usual(const T* x, std::int64_t count) {
  std::uint32_t unusual = 0;
  for (std::int64_t i = 0; i < count; ++i) unusual |= mask_of(!Op::is_usual(x[i]));
  return unusual == 0;
}

// Of two operands the first one tells.
template <class Op, class T>
concept HasUsualFirst = requires(T x) {
  { Op::is_usual(x) } -> std::same_as<bool>;
  { Op::of_usual(x, x) } -> std::same_as<T>;
};

template <class Op, class T>
NABLAFLOW_INLINED void unary_dense_loop(T* out, const T* x, std::int64_t count) {
  if constexpr (HasUsualRange<Op, T>) {
    if (all_usual<Op>(x, count)) {
      NABLAFLOW_INDEPENDENT_TURNS
      for (std::int64_t i = 0; i < count; ++i) out[i] = Op::of_usual(x[i]);
      return;
    }
  }
  NABLAFLOW_INDEPENDENT_TURNS
  for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(x[i]);
}

template <class Op, class T>
NABLAFLOW_INLINED void unary_loop(void* out_elements, const void* elements, std::int64_t stride,
                                  std::int64_t count) {
  T* out = static_cast<T*>(out_elements);
  const T* x = static_cast<const T*>(elements);
  if (has_fast_rows<T> && stride == 1) {
    unary_dense_loop<Op, T>(out, x, count);
  } else if (has_fast_rows<T> && stride == 0) {
    std::fill(out, out + count, Op::template of<T>(*x));
  } else {
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(x[i * stride]);
  }
}

template <class Op, class R, class T>
NABLAFLOW_INLINED void binary_loop(void* out_elements, const void* a_elements, std::int64_t sa,
                                   const void* b_elements, std::int64_t sb, std::int64_t count) {
  R* out = static_cast<R*>(out_elements);
  const T* a = static_cast<const T*>(a_elements);
  const T* b = static_cast<const T*>(b_elements);
  if (has_fast_rows<T> && sa == 1 && sb == 1) {
    if constexpr (HasUsualFirst<Op, T>) {
      if (all_usual<Op>(a, count)) {
        NABLAFLOW_INDEPENDENT_TURNS
        for (std::int64_t i = 0; i < count; ++i) out[i] = Op::of_usual(a[i], b[i]);
        return;
      }
    }
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(a[i], b[i]);
  } else if (has_fast_rows<T> && sa == 1 && sb == 0) {
    const T value = *b;
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(a[i], value);
  } else if (has_fast_rows<T> && sa == 0 && sb == 1) {
    const T value = *a;
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(value, b[i]);
  } else {
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = Op::template of<T>(a[i * sa], b[i * sb]);
  }
}

// T is an unsigned type of the element's size: select only moves elements.
template <class T>
NABLAFLOW_INLINED void select_loop(T* out, const bool* condition, std::int64_t sc, const T* a,
                                   std::int64_t sa, const T* b, std::int64_t sb, std::int64_t count) {
  if (sc == 1 && sa == 1 && sb == 1) {
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = condition[i] ? a[i] : b[i];
  } else if (sc == 1 && sa == 1 && sb == 0) {
    const T value = *b;
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = condition[i] ? a[i] : value;
  } else if (sc == 1 && sa == 0 && sb == 1) {
    const T value = *a;
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = condition[i] ? value : b[i];
  } else {
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = condition[i * sc] ? a[i * sa] : b[i * sb];
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The same loops for each instruction set, where they pay: what is too short or strange to be vectorised
// stays.

template <class Op, class T>
struct Unary {
  static void baseline(void* out, const void* const* x, const std::int64_t* s, std::int64_t count) {
    unary_loop<Op, T>(out, x[0], s[0], count);
  }
  NABLAFLOW_TARGET_AVX2 static void avx2(void* out, const void* const* x, const std::int64_t* s,
                                         std::int64_t count) {
    unary_loop<Op, T>(out, x[0], s[0], count);
  }
  NABLAFLOW_TARGET_AVX512 static void avx512(void* out, const void* const* x, const std::int64_t* s,
                                             std::int64_t count) {
    unary_loop<Op, T>(out, x[0], s[0], count);
  }
};
template <class Op, class R, class T>
struct Binary {
  static void baseline(void* out, const void* const* x, const std::int64_t* s, std::int64_t count) {
    binary_loop<Op, R, T>(out, x[0], s[0], x[1], s[1], count);
  }
  NABLAFLOW_TARGET_AVX2 static void avx2(void* out, const void* const* x, const std::int64_t* s,
                                         std::int64_t count) {
    binary_loop<Op, R, T>(out, x[0], s[0], x[1], s[1], count);
  }
  NABLAFLOW_TARGET_AVX512 static void avx512(void* out, const void* const* x, const std::int64_t* s,
                                             std::int64_t count) {
    binary_loop<Op, R, T>(out, x[0], s[0], x[1], s[1], count);
  }
};
template <class T>
struct Select {
  static void baseline(void* out, const void* const* x, const std::int64_t* s, std::int64_t count) {
    select_loop(static_cast<T*>(out), static_cast<const bool*>(x[0]), s[0], static_cast<const T*>(x[1]), s[1],
                static_cast<const T*>(x[2]), s[2], count);
  }
  NABLAFLOW_TARGET_AVX2 static void avx2(void* out, const void* const* x, const std::int64_t* s,
                                         std::int64_t count) {
    select_loop(static_cast<T*>(out), static_cast<const bool*>(x[0]), s[0], static_cast<const T*>(x[1]), s[1],
                static_cast<const T*>(x[2]), s[2], count);
  }
  NABLAFLOW_TARGET_AVX512 static void avx512(void* out, const void* const* x, const std::int64_t* s,
                                             std::int64_t count) {
    select_loop(static_cast<T*>(out), static_cast<const bool*>(x[0]), s[0], static_cast<const T*>(x[1]), s[1],
                static_cast<const T*>(x[2]), s[2], count);
  }
};
template <class R, class T>
void cast_row(void* out_elements, const void* const* operands, const std::int64_t* strides,
              std::int64_t count) {
  R* out = static_cast<R*>(out_elements);
  const T* x = static_cast<const T*>(operands[0]);
  const std::int64_t stride = strides[0];
  for (std::int64_t i = 0; i < count; ++i) out[i] = convert<R>(x[i * stride]);
}

template <class T, class Rows>
RowVariants variants() {
  if constexpr (has_fast_rows<T>) return {&Rows::baseline, &Rows::avx2, &Rows::avx512};
  return {&Rows::baseline, &Rows::baseline, &Rows::baseline};
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows by the types that a primitive knows.

using Types = std::span<const DType>;
using Find = RowVariants (*)(const char* name, Types operands, DType result);

// The types that a primitive knows.
enum class Domain { floating, real, numeric };

template <Domain kDomain, class F>
void visit(const char* name, DType dtype, F&& f) {
  if constexpr (kDomain == Domain::floating) visit_floating(name, dtype, f);
  if constexpr (kDomain == Domain::real) visit_real(name, dtype, f);
  if constexpr (kDomain == Domain::numeric) visit_numeric(name, dtype, f);
}

template <class Op, Domain kDomain>
RowVariants unary(const char* name, Types, DType result) {
  RowVariants found{};
  visit<kDomain>(name, result, [&](auto type) {
    using T = typename decltype(type)::type;
    found = variants<T, Unary<Op, T>>();
  });
  return found;
}
template <class Op, Domain kDomain>
RowVariants binary(const char* name, Types, DType result) {
  RowVariants found{};
  visit<kDomain>(name, result, [&](auto type) {
    using T = typename decltype(type)::type;
    found = variants<T, Binary<Op, T, T>>();
  });
  return found;
}
// Complex numbers can be compared for equality only.
template <class Op>
RowVariants ordering(const char* name, Types operands, DType) {
  RowVariants found{};
  visit_stored(name, operands[0], [&](auto type) {
    using T = typename decltype(type)::type;
    found = variants<T, Binary<Op, bool, T>>();
  });
  return found;
}
template <class Op>
RowVariants equality(const char* name, Types operands, DType result) {
  if (operands[0] == DType::c128) return variants<Complex, Binary<Op, bool, Complex>>();
  return ordering<Op>(name, operands, result);
}
RowVariants selection(const char*, Types, DType result) {
  RowVariants found{};
  visit_bits(result, [&](auto type) {
    using Rows = Select<typename decltype(type)::type>;
    found = {&Rows::baseline, &Rows::avx2, &Rows::avx512};
  });
  return found;
}

template <class F>
void visit_any(const char* name, DType dtype, F&& f) {
  if (dtype == DType::c128) return f(Type<Complex>{});
  visit_stored(name, dtype, f);
}
RowVariants casting(const char* name, Types operands, DType result) {
  RowVariants found{};
  visit_any(name, operands[0], [&](auto from) {
    using T = typename decltype(from)::type;
    visit_any(name, result, [&](auto to) {
      constexpr PointwiseRow row = &cast_row<typename decltype(to)::type, T>;
      found = {row, row, row};
    });
  });
  return found;
}

const std::map<std::string_view, Find>& table() {
  static const std::map<std::string_view, Find>& rows = *new std::map<std::string_view, Find>{
      {"neg", &unary<Neg, Domain::numeric>},
      {"add", &binary<Add, Domain::numeric>},
      {"sub", &binary<Sub, Domain::numeric>},
      {"mul", &binary<Mul, Domain::numeric>},
      {"div", &binary<Div, Domain::floating>},
      {"max", &binary<Max, Domain::real>},
      {"min", &binary<Min, Domain::real>},
      {"abs", &unary<Abs, Domain::real>},
      {"sign", &unary<Sign, Domain::real>},
      {"square", &unary<Square, Domain::numeric>},
      {"sqrt", &unary<Sqrt, Domain::floating>},
      {"rsqrt", &unary<Rsqrt, Domain::floating>},
      {"reciprocal", &unary<Reciprocal, Domain::floating>},
      {"exp", &unary<Exp, Domain::floating>},
      {"log", &unary<Log, Domain::floating>},
      {"expm1", &unary<Expm1, Domain::floating>},
      {"log1p", &unary<Log1p, Domain::floating>},
      {"sin", &unary<Sin, Domain::floating>},
      {"cos", &unary<Cos, Domain::floating>},
      {"tanh", &unary<Tanh, Domain::floating>},
      {"sigmoid", &unary<Sigmoid, Domain::floating>},
      {"sech", &unary<Sech, Domain::floating>},
      {"erf", &unary<Erf, Domain::floating>},
      {"erfc", &unary<Erfc, Domain::floating>},
      {"normal_cdf", &unary<NormalCdf, Domain::floating>},
      {"gaussian", &unary<Gaussian, Domain::floating>},
      {"pow", &binary<Pow, Domain::floating>},
      {"silu", &binary<Silu, Domain::floating>},
      {"gelu", &binary<Gelu, Domain::floating>},
      {"silu_slope", &binary<SiluSlope, Domain::floating>},
      {"gelu_slope", &binary<GeluSlope, Domain::floating>},
      {"logaddexp", &binary<Logaddexp, Domain::floating>},
      {"equal", &equality<Equal>},
      {"not_equal", &equality<NotEqual>},
      {"less", &ordering<Less>},
      {"less_equal", &ordering<LessEqual>},
      {"greater", &ordering<Greater>},
      {"greater_equal", &ordering<GreaterEqual>},
      {"select", &selection},
      {"cast", &casting},
  };
  return rows;
}

}  // namespace

RowVariants pointwise_row(const Primitive& primitive, std::span<const DType> operands, DType result) {
  const auto found = table().find(primitive.name());
  if (found == table().end()) throw Error("cpu: no loop for " + std::string(primitive.name()));
  return found->second(found->first.data(), operands, result);
}

}  // namespace nabla::cpu
