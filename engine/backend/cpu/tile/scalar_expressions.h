#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "engine/backend/cpu/vector_math/vector_math.h"
#include "engine/backend/target.h"

// What the pointwise primitives compute for one element. Integers wrap around, computed in the unsigned type
// of their size.

namespace nabla::cpu {

template <class T>
inline constexpr bool is_complex = std::is_same_v<T, Complex>;

template <class T>
inline constexpr T kInfinity = T(std::numeric_limits<double>::infinity());

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
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::exp(x);
  }
};
struct Log {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::log(x);
  }
};
struct Expm1 {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::expm1(x);
  }
};
struct Log1p {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::log1p(x);
  }
};
/// of_usual(x) gives the bits of of(x) in less time, where is_usual(x) holds: a run without a single
/// exception takes it.
struct Sin {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::sin(x);
  }
  NABLAFLOW_INLINED static float of_usual(float x) { return cpu::sin_moderate(x); }
  NABLAFLOW_INLINED static bool is_usual(float x) { return is_moderate_angle(x); }
};
struct Cos {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::cos(x);
  }
  NABLAFLOW_INLINED static float of_usual(float x) { return cpu::cos_moderate(x); }
  NABLAFLOW_INLINED static bool is_usual(float x) { return is_moderate_angle(x); }
};
struct Tanh {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::tanh(x);
  }
};
struct Sigmoid {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::sigmoid(x);
  }
};
struct Sech {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::sech(x);
  }
};
struct Erf {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::erf(x);
  }
};
struct Erfc {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::erfc(x);
  }
};
struct NormalCdf {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::normal_cdf(x);
  }
};
struct Gaussian {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::gaussian(x);
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
  NABLAFLOW_INLINED static T of(T a, T b) {
    return cpu::pow(a, b);
  }
};
struct Logaddexp {
  template <class T>
  NABLAFLOW_INLINED static T of(T a, T b) {
    return cpu::logaddexp(a, b);
  }
};
/// x s, 0 where x is minus infinity and s 0.
template <class T>
NABLAFLOW_INLINED T gated(T x, T s) {
  return x == -kInfinity<T> ? -T(0) : x * s;
}
/// silu of x and s = sigmoid(x). of_usual(x, s) gives the bits of of(x, s) in less time where is_usual(x)
/// holds.
struct Silu {
  template <class T>
  NABLAFLOW_INLINED static T of(T x, T s) {
    if constexpr (std::is_same_v<T, float>) return x < kSiluTail ? silu_tail(x) : of_usual(x, s);
    return gated(x, s);
  }
  NABLAFLOW_INLINED static float of_usual(float x, float s) { return x * s; }
  NABLAFLOW_INLINED static bool is_usual(float x) { return !(x < kSiluTail); }
};
/// gelu of x and s = normal_cdf(x).
struct Gelu {
  template <class T>
  NABLAFLOW_INLINED static T of(T x, T s) {
    if constexpr (std::is_same_v<T, float>) return x < kGeluTail ? gelu_tail(x) : of_usual(x, s);
    return gated(x, s);
  }
  NABLAFLOW_INLINED static float of_usual(float x, float s) { return x * s; }
  NABLAFLOW_INLINED static bool is_usual(float x) { return !(x < kGeluTail); }
};
/// The derivative of silu, of x and s = sigmoid(x).
struct SiluSlope {
  template <class T>
  NABLAFLOW_INLINED static T plain(T x, T s) {
    const T slope = s * (T(1) + x * (T(1) - s));
    return x == kInfinity<T> ? s : x == -kInfinity<T> ? s : slope;
  }
  template <class T>
  NABLAFLOW_INLINED static T of(T x, T s) {
    if constexpr (std::is_same_v<T, float>) return x < kSiluTail ? silu_slope_tail(x) : plain(x, s);
    return plain(x, s);
  }
  NABLAFLOW_INLINED static float of_usual(float x, float s) { return plain(x, s); }
  NABLAFLOW_INLINED static bool is_usual(float x) { return Silu::is_usual(x); }
};
/// The derivative of gelu, of x and s = normal_cdf(x).
struct GeluSlope {
  template <class T>
  NABLAFLOW_INLINED static T plain(T x, T s) {
    const T slope = s + x * cpu::gaussian(x) * T(0.39894228040143267794);
    return x == kInfinity<T> ? s : x == -kInfinity<T> ? s : slope;
  }
  template <class T>
  NABLAFLOW_INLINED static T of(T x, T s) {
    if constexpr (std::is_same_v<T, float>) return x < kGeluTail ? gelu_slope_tail(x) : plain(x, s);
    return plain(x, s);
  }
  NABLAFLOW_INLINED static float of_usual(float x, float s) { return plain(x, s); }
  NABLAFLOW_INLINED static bool is_usual(float x) { return Gelu::is_usual(x); }
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
struct Greater {
  template <class T>
  static bool of(T a, T b) {
    return a > b;
  }
};
struct GreaterEqual {
  template <class T>
  static bool of(T a, T b) {
    return a >= b;
  }
};

/// What a cast makes of a value: out of range saturates, NaN becomes the integer 0, complex keeps its real
/// part.
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

}  // namespace nabla::cpu
