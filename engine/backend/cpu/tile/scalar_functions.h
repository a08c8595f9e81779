#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "engine/backend/cpu/vector_math/vector_math.h"
#include "engine/backend/target.h"
#include "engine/graph/op.h"

// The scalar functions of the pointwise primitives on the CPU, with our own elementary functions in them.

namespace nabla::cpu::scalar {

using namespace nabla::cpu;
using std::fabs;
using std::sqrt;

template <class T>
NABLAFLOW_INLINED T infinity() {
  return T(std::numeric_limits<double>::infinity());
}

#define NABLA_FN NABLAFLOW_INLINED
#define NABLA_C std::
#include "engine/backend/scalar.inc"
#undef NABLA_FN
#undef NABLA_C

}  // namespace nabla::cpu::scalar

namespace nabla::cpu {

/// Where is_usual(x), of the first operand, of_usual gives the bits of the function in less time: a run
/// without a single exception takes it.
template <Op>
struct Usual {};
template <>
struct Usual<Op::sin> {
  NABLAFLOW_INLINED static float of_usual(float x) { return cpu::sin_moderate(x); }
  NABLAFLOW_INLINED static bool is_usual(float x) { return is_moderate_angle(x); }
};
template <>
struct Usual<Op::cos> {
  NABLAFLOW_INLINED static float of_usual(float x) { return cpu::cos_moderate(x); }
  NABLAFLOW_INLINED static bool is_usual(float x) { return is_moderate_angle(x); }
};
template <>
struct Usual<Op::silu> {
  NABLAFLOW_INLINED static float of_usual(float x, float s) { return x * s; }
  NABLAFLOW_INLINED static bool is_usual(float x) { return !(x < kSiluTail); }
};
template <>
struct Usual<Op::silu_slope> {
  NABLAFLOW_INLINED static float of_usual(float x, float s) { return scalar::silu_slope_inside(x, s); }
  NABLAFLOW_INLINED static bool is_usual(float x) { return !(x < kSiluTail); }
};
template <>
struct Usual<Op::gelu> {
  NABLAFLOW_INLINED static float of_usual(float x, float s) { return x * s; }
  NABLAFLOW_INLINED static bool is_usual(float x) { return !(x < kGeluTail); }
};
template <>
struct Usual<Op::gelu_slope> {
  NABLAFLOW_INLINED static float of_usual(float x, float s) { return scalar::gelu_slope_inside(x, s); }
  NABLAFLOW_INLINED static bool is_usual(float x) { return !(x < kGeluTail); }
};

/// The function of a line of the catalogue.
template <Op>
struct Function;
#define UNARY(name, ...)                        \
  template <>                                   \
  struct Function<Op::name> : Usual<Op::name> { \
    template <class... T>                       \
    NABLAFLOW_INLINED static auto of(T... x) {  \
      return scalar::name(x...);                \
    }                                           \
  };
#define BINARY(name, ...) UNARY(name)
#define COMPARISON(name, ...) UNARY(name)
#define POINTWISE(name, ...) UNARY(name)
#include "engine/graph/primitives.def"

template <class T>
inline constexpr bool kIsComplex = std::is_same_v<T, Complex>;

/// What a cast makes of a value: out of range saturates, NaN becomes the integer 0, complex keeps its real
/// part.
template <class R, class T>
R convert(T x) {
  if constexpr (kIsComplex<T>) {
    if constexpr (kIsComplex<R>) return x;
    return convert<R>(x.real());
  } else if constexpr (kIsComplex<R>) {
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

}  // namespace nabla::cpu
