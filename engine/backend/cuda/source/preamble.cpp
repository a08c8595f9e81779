#include <string_view>

#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda {

// No headers: NVRTC knows CUDA's own functions and nothing else.
std::string_view preamble() {
  return R"cuda(typedef unsigned char u8;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;
typedef bool boolean;

// ---- types

// Sums of float are carried in double.
template <class T>
struct Accumulator {
  using type = T;
};
template <>
struct Accumulator<float> {
  using type = double;
};

// Signed integers wrap around: they are computed in the unsigned type of their size.
template <class T>
struct Wrapping {
  using type = T;
};
template <>
struct Wrapping<i32> {
  using type = u32;
};
template <>
struct Wrapping<i64> {
  using type = u64;
};

template <class T>
struct Range {  // of a floating type
  static constexpr bool is_floating = true, is_integer = false;
};
template <>
struct Range<bool> {
  static constexpr bool is_floating = false, is_integer = false;
};
template <>
struct Range<u8> {
  static constexpr bool is_floating = false, is_integer = true;
  static constexpr u8 low = 0, high = 255;
};
template <>
struct Range<u32> {
  static constexpr bool is_floating = false, is_integer = true;
  static constexpr u32 low = 0, high = 0xffffffffu;
};
template <>
struct Range<u64> {
  static constexpr bool is_floating = false, is_integer = true;
  static constexpr u64 low = 0, high = 0xffffffffffffffffull;
};
template <>
struct Range<i32> {
  static constexpr bool is_floating = false, is_integer = true;
  static constexpr i32 low = -2147483647 - 1, high = 2147483647;
};
template <>
struct Range<i64> {
  static constexpr bool is_floating = false, is_integer = true;
  static constexpr i64 low = -9223372036854775807ll - 1, high = 9223372036854775807ll;
};

// Elements that one access moves: N is a power of two, the place a multiple of N.
template <class T, int N>
struct alignas(N * sizeof(T)) Vec {
  T at[N];
};
template <int N, class T>
__device__ __forceinline__ Vec<T, N> load(const T* x) {
  return *reinterpret_cast<const Vec<T, N>*>(x);
}
template <class T, int N>
__device__ __forceinline__ void store(T* x, const Vec<T, N>& v) {
  *reinterpret_cast<Vec<T, N>*>(x) = v;
}

template <class T>
__device__ __forceinline__ T infinity();
template <>
__device__ __forceinline__ float infinity<float>() {
  return __uint_as_float(0x7f800000u);
}
template <>
__device__ __forceinline__ double infinity<double>() {
  return __longlong_as_double(0x7ff0000000000000ll);
}

// What no element of the type exceeds, and what none is below.
template <class T>
__device__ __forceinline__ T highest() {
  if constexpr (Range<T>::is_floating) {
    return infinity<T>();
  } else {
    return Range<T>::high;
  }
}
template <class T>
__device__ __forceinline__ T lowest() {
  if constexpr (Range<T>::is_floating) {
    return -infinity<T>();
  } else {
    return Range<T>::low;
  }
}

// ---- arithmetic

template <class T>
__device__ __forceinline__ T add_(T a, T b) {
  using W = typename Wrapping<T>::type;
  return static_cast<T>(static_cast<W>(a) + static_cast<W>(b));
}
// A sum that grows term by term. That of double carries beside it what rounding takes from it (Knuth); what is
// infinite or NaN has NaN there.
template <class T>
struct RunningSum {
  typename Accumulator<T>::type sum = 0;
  __device__ __forceinline__ void add(T term) {
    sum = add_(sum, static_cast<typename Accumulator<T>::type>(term));
  }
  __device__ __forceinline__ T value() const { return static_cast<T>(sum); }
};
template <>
struct RunningSum<double> {
  double sum = 0, rest = 0;
  __device__ __forceinline__ void add(double term) {
    const double next = sum + term, added = next - sum;
    rest += (sum - (next - added)) + (term - added);
    sum = next;
  }
  __device__ __forceinline__ double value() const { return rest == rest ? sum + rest : sum; }
};
template <class T>
__device__ __forceinline__ T sub_(T a, T b) {
  using W = typename Wrapping<T>::type;
  return static_cast<T>(static_cast<W>(a) - static_cast<W>(b));
}
template <class T>
__device__ __forceinline__ T mul_(T a, T b) {
  using W = typename Wrapping<T>::type;
  return static_cast<T>(static_cast<W>(a) * static_cast<W>(b));
}
template <class T>
__device__ __forceinline__ T neg_(T x) {
  if constexpr (Range<T>::is_floating) {
    return -x;
  } else {
    return sub_(T(0), x);
  }
}
// NaN where an argument is.
template <class T>
__device__ __forceinline__ T max_(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
__device__ __forceinline__ T min_(T a, T b) {
  return a < b || a != a ? a : b;
}
template <class T>
__device__ __forceinline__ T abs_(T x) {
  return x < T(0) ? neg_(x) : x;
}
__device__ __forceinline__ float abs_(float x) { return fabsf(x); }
__device__ __forceinline__ double abs_(double x) { return fabs(x); }
template <class T>
__device__ __forceinline__ T sign_(T x) {
  if constexpr (Range<T>::is_floating) {
    if (x != x) return x;
  }
  return static_cast<T>((T(0) < x) - (x < T(0)));
}

// Out of range saturates, NaN becomes the integer 0.
template <class R, class T>
__device__ __forceinline__ R cast_(T x) {
  if constexpr (!Range<R>::is_floating && !Range<R>::is_integer) {
    return x != T(0);
  } else if constexpr (Range<R>::is_integer && Range<T>::is_floating) {
    if (x != x) return 0;
    if (x <= static_cast<T>(Range<R>::low)) return Range<R>::low;
    if (x >= static_cast<T>(Range<R>::high)) return Range<R>::high;
    return static_cast<R>(x);
  } else {
    return static_cast<R>(x);
  }
}

// ---- elementary functions

__device__ __forceinline__ float sqrt_(float x) { return sqrtf(x); }
__device__ __forceinline__ double sqrt_(double x) { return sqrt(x); }
__device__ __forceinline__ float exp_(float x) { return expf(x); }
__device__ __forceinline__ double exp_(double x) { return exp(x); }
__device__ __forceinline__ float log_(float x) { return logf(x); }
__device__ __forceinline__ double log_(double x) { return log(x); }
__device__ __forceinline__ float expm1_(float x) { return expm1f(x); }
__device__ __forceinline__ double expm1_(double x) { return expm1(x); }
__device__ __forceinline__ float log1p_(float x) { return log1pf(x); }
__device__ __forceinline__ double log1p_(double x) { return log1p(x); }
__device__ __forceinline__ float sin_(float x) { return sinf(x); }
__device__ __forceinline__ double sin_(double x) { return sin(x); }
__device__ __forceinline__ float cos_(float x) { return cosf(x); }
__device__ __forceinline__ double cos_(double x) { return cos(x); }
__device__ __forceinline__ float tanh_(float x) { return tanhf(x); }
__device__ __forceinline__ double tanh_(double x) { return tanh(x); }
__device__ __forceinline__ float erf_(float x) { return erff(x); }
__device__ __forceinline__ double erf_(double x) { return erf(x); }
__device__ __forceinline__ float erfc_(float x) { return erfcf(x); }
__device__ __forceinline__ double erfc_(double x) { return erfc(x); }
__device__ __forceinline__ float normal_cdf_(float x) { return normcdff(x); }
__device__ __forceinline__ double normal_cdf_(double x) { return normcdf(x); }
__device__ __forceinline__ float fma_(float x, float y, float z) { return fmaf(x, y, z); }
__device__ __forceinline__ double fma_(double x, double y, double z) { return fma(x, y, z); }
__device__ __forceinline__ float pow_(float x, float y) { return powf(x, y); }
__device__ __forceinline__ double pow_(double x, double y) { return pow(x, y); }
template <class T>
__device__ __forceinline__ T rsqrt_(T x) {
  return T(1) / sqrt_(x);
}
// The exponential never overflows, and the tail below 0 keeps its digits.
template <class T>
__device__ __forceinline__ T sigmoid_(T x) {
  const T e = exp_(-abs_(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}
// silu and its derivative of x and s = sigmoid(x). Where that of f32 is subnormal a product with x would carry
// what it has lost: there e^x is multiplied by half after half.
template <class T>
__device__ __forceinline__ T silu_(T x, T s) {
  if (x == -infinity<T>()) return -T(0);
  if (sizeof(T) == 8 || !(x < T(-87))) return x * s;
  const T root = exp_(x * T(0.5));
  return x * root * root;
}
template <class T>
__device__ __forceinline__ T silu_slope_(T x, T s) {
  if (abs_(x) == infinity<T>()) return s;
  if (sizeof(T) == 8 || !(x < T(-87))) return s * (T(1) + x * (T(1) - s));
  const T root = exp_(x * T(0.5));
  return (T(1) + x) * root * root;
}
template <class T>
__device__ __forceinline__ T sech_(T x) {
  const T e = exp_(-abs_(x));
  return T(2) * e / (T(1) + e * e);
}
// What the square has lost is put back; beyond 40 it is 0.
template <class T>
__device__ __forceinline__ T gaussian_(T x) {
  const T a = min_(abs_(x), T(40));
  const T square = a * a;
  return exp_(T(-0.5) * square) * (T(1) - T(0.5) * fma_(a, a, -square));
}
// gelu and its derivative of x and s = normal_cdf(x), in the tail by |x| normal_cdf(x) / density(x), which is
// 1 - 1/x^2 + 3/x^4 - 15/x^6 + ..
template <class T>
__device__ __forceinline__ T gelu_tail_(T x, T factor) {
  const T root = gaussian_(x * T(0.5)), half = root * root;
  return factor * T(0.39894228040143267794) * half * half;
}
template <class T>
__device__ __forceinline__ T mills_(T x) {
  const T i = T(1) / x / x;
  return T(1) - i * (T(1) - i * (T(3) - i * (T(15) - i * T(105))));
}
template <class T>
__device__ __forceinline__ T gelu_(T x, T s) {
  if (x == -infinity<T>()) return -T(0);
  if (sizeof(T) == 8 || !(x < T(-13))) return x * s;
  return gelu_tail_(x, -mills_(x));
}
template <class T>
__device__ __forceinline__ T gelu_slope_(T x, T s) {
  if (abs_(x) == infinity<T>()) return s;
  if (sizeof(T) == 8 || !(x < T(-13)))
    return s + x * gaussian_(x) * T(0.39894228040143267794);
  return gelu_tail_(x, x - mills_(x) / x);
}
// Equal infinities have no difference.
template <class T>
__device__ __forceinline__ T logaddexp_(T a, T b) {
  const T gap = a == b ? T(0) : abs_(a - b);
  return max_(a, b) + log1p_(exp_(-gap));
}

// ---- reductions

struct SumOf {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    return add_(a, b);
  }
};
struct MaxOf {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    return max_(a, b);
  }
};
struct MinOf {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    return min_(a, b);
  }
};

// Of the values of kLanes adjacent threads of a warp, for all of them; the whole warp must call it.
template <class Op, int kLanes = 32, class T>
__device__ __forceinline__ T warp_reduce(T v) {
  for (int distance = kLanes / 2; distance > 0; distance /= 2)
    v = Op::of(v, static_cast<T>(__shfl_xor_sync(0xffffffffu, v, distance)));
  return v;
}
// Of the values of all threads of the block, for all of them; every thread must call it.
template <class Op, class T>
__device__ __forceinline__ T block_reduce(T v) {
  __shared__ T of_warp[32];
  v = warp_reduce<Op>(v);
  __syncthreads();  // the last result has been read
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = v;
  __syncthreads();
  v = of_warp[0];
  for (u32 warp = 1; warp < blockDim.x / 32; ++warp) v = Op::of(v, of_warp[warp]);
  return v;
}

// Of the values of the threads at one place in kSlices equal slices of the block, for all of them; every thread
// must call it.
template <class Op, int kSlices, class T>
__device__ __forceinline__ T slice_reduce(T v) {
  __shared__ T of_thread[1024];
  const u32 slice = blockDim.x / kSlices;
  __syncthreads();  // the last result has been read
  of_thread[threadIdx.x] = v;
  __syncthreads();
  v = of_thread[threadIdx.x % slice];
  for (u32 s = 1; s < kSlices; ++s) v = Op::of(v, of_thread[s * slice + threadIdx.x % slice]);
  return v;
}

// ---- refusals

// An index outside its axis, for the host to read.
struct Refusal {
  u32 raised;
  u32 unused;
  i64 index;
};
// The first one is kept.
__device__ __forceinline__ void refuse(Refusal* refusal, i64 index) {
  if (atomicCAS(&refusal->raised, 0u, 1u) == 0u) refusal->index = index;
}

// ---- the kernel

)cuda";
}

}  // namespace nabla::cuda
