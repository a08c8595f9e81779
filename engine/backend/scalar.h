#pragma once

// What the pointwise primitives of the catalogue compute for one element, by their names, once for all
// backends: this file is compiled by the CPU's kernels, and is a part of the text of the GPU's. So it
// includes nothing. A backend defines before it NABLA_FN (how functions are declared) and, visible in
// nabla::scalar, infinity<T>() and the elementary functions (sqrt, fabs, exp, ..), which each computes in its
// own way.

namespace nabla::scalar {

// Integers wrap around, computed in the unsigned type of their size.
template <class T>
struct Wrapping {
  using type = T;
};
template <>
struct Wrapping<int> {
  using type = unsigned int;
};
template <>
struct Wrapping<long> {
  using type = unsigned long;
};
template <>
struct Wrapping<long long> {
  using type = unsigned long long;
};
template <class T>
NABLA_FN typename Wrapping<T>::type wrapping(T x) {
  return static_cast<typename Wrapping<T>::type>(x);
}

template <class T>
inline constexpr bool kIsUnsigned = false;
template <>
inline constexpr bool kIsUnsigned<unsigned char> = true;
template <>
inline constexpr bool kIsUnsigned<unsigned int> = true;
template <class T>
inline constexpr bool kIsFloating = false;
template <>
inline constexpr bool kIsFloating<float> = true;
template <>
inline constexpr bool kIsFloating<double> = true;

template <class T>
NABLA_FN T neg(T x) {
  return static_cast<T>(-wrapping(x));
}
template <class T>
NABLA_FN T abs(T x) {
  if constexpr (kIsUnsigned<T>) {
    return x;
  } else if constexpr (kIsFloating<T>) {
    return fabs(x);
  } else {
    return x < T(0) ? neg(x) : x;
  }
}
template <class T>
NABLA_FN T sign(T x) {
  if constexpr (kIsUnsigned<T>) {
    return static_cast<T>(x != T(0));
  } else if constexpr (kIsFloating<T>) {
    return x != x ? x : static_cast<T>((T(0) < x) - (x < T(0)));
  } else {
    return static_cast<T>((T(0) < x) - (x < T(0)));
  }
}
template <class T>
NABLA_FN T add(T a, T b) {
  return static_cast<T>(wrapping(a) + wrapping(b));
}
template <class T>
NABLA_FN T sub(T a, T b) {
  return static_cast<T>(wrapping(a) - wrapping(b));
}
template <class T>
NABLA_FN T mul(T a, T b) {
  return static_cast<T>(wrapping(a) * wrapping(b));
}
template <class T>
NABLA_FN T square(T x) {
  return mul(x, x);
}
template <class T>
NABLA_FN T div(T a, T b) {
  return a / b;
}
template <class T>
NABLA_FN T max(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
NABLA_FN T min(T a, T b) {
  return a < b || a != a ? a : b;
}
template <class T>
NABLA_FN T rsqrt(T x) {
  return T(1) / sqrt(x);
}
template <class T>
NABLA_FN T reciprocal(T x) {
  return T(1) / x;
}

// x s, 0 where x is minus infinity and s 0.
template <class T>
NABLA_FN T gated(T x, T s) {
  return x == -infinity<T>() ? -T(0) : x * s;
}
// Of x and s = sigmoid(x). Where s is subnormal in f32, the tails know more.
template <class T>
NABLA_FN T silu(T x, T s) {
  return gated(x, s);
}
NABLA_FN float silu(float x, float s) { return x < kSiluTail ? silu_tail(x) : x * s; }
template <class T>
NABLA_FN T silu_slope_inside(T x, T s) {
  const T slope = s * (T(1) + x * (T(1) - s));
  return x == infinity<T>() ? s : x == -infinity<T>() ? s : slope;
}
template <class T>
NABLA_FN T silu_slope(T x, T s) {
  return silu_slope_inside(x, s);
}
NABLA_FN float silu_slope(float x, float s) {
  return x < kSiluTail ? silu_slope_tail(x) : silu_slope_inside(x, s);
}
// Of x and s = normal_cdf(x).
template <class T>
NABLA_FN T gelu(T x, T s) {
  return gated(x, s);
}
NABLA_FN float gelu(float x, float s) { return x < kGeluTail ? gelu_tail(x) : x * s; }
template <class T>
NABLA_FN T gelu_slope_inside(T x, T s) {
  const T slope = s + x * gaussian(x) * T(0.39894228040143267794);
  return x == infinity<T>() ? s : x == -infinity<T>() ? s : slope;
}
template <class T>
NABLA_FN T gelu_slope(T x, T s) {
  return gelu_slope_inside(x, s);
}
NABLA_FN float gelu_slope(float x, float s) {
  return x < kGeluTail ? gelu_slope_tail(x) : gelu_slope_inside(x, s);
}

template <class T>
NABLA_FN bool equal(T a, T b) {
  return a == b;
}
template <class T>
NABLA_FN bool not_equal(T a, T b) {
  return a != b;
}
template <class T>
NABLA_FN bool less(T a, T b) {
  return a < b;
}
template <class T>
NABLA_FN bool less_equal(T a, T b) {
  return a <= b;
}
template <class T>
NABLA_FN bool greater(T a, T b) {
  return a > b;
}
template <class T>
NABLA_FN bool greater_equal(T a, T b) {
  return a >= b;
}

}  // namespace nabla::scalar
