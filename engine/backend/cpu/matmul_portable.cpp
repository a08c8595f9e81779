#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/backend/cpu/matmul.h"
#include "engine/backend/cpu/target.h"
#include "engine/backend/cpu/thread_own.h"
#include "engine/backend/instruction_set.h"

#if NABLAFLOW_TARGETS
#include <immintrin.h>
#endif

// A packed, blocked product. A block of b (kKc x kNc) and one of a (kMc x kKc) are copied into panels that
// the inner kernel walks in order; the kernel keeps a tile of c in registers. An element of c is the sum over
// a block of k, term by term, added to those of the blocks before: every instruction set gives the same bits,
// for which there is no fused multiply-add.

namespace nabla::cpu {
namespace {

// Makes a tile, row by row, of k terms: a holds `rows` elements for each term, b `columns`.
template <class T>
struct TileKernel {
  std::int64_t rows, columns;
  void (*run)(std::int64_t k, const T* a, const T* b, T* tile);
};

// Elements of a vector.
template <std::int64_t kBytes, class T>
constexpr std::int64_t kWidth = kBytes / static_cast<std::int64_t>(sizeof(T));

// 16-byte vectors exist on every target.
template <class T>
void baseline_tile(std::int64_t k, const T* a, const T* b, T* tile) {
  typedef T V __attribute__((vector_size(16)));
  V sums[4][2] = {};
  for (std::int64_t p = 0; p < k; ++p, a += 4, b += 2 * kWidth<16, T>) {
    V of_b[2];
    std::memcpy(of_b, b, sizeof of_b);
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 2; ++j) sums[i][j] += a[i] * of_b[j];
  }
  std::memcpy(tile, sums, sizeof sums);
}

#if NABLAFLOW_TARGETS
template <class T>
struct Wide;
template <>
struct Wide<double> {
  using V4 = __m256d;
  using V8 = __m512d;
  NABLAFLOW_TARGET_AVX2 static V4 add_product(double a, V4 b, V4 c) {
    return _mm256_add_pd(c, _mm256_mul_pd(_mm256_set1_pd(a), b));
  }
  NABLAFLOW_TARGET_AVX512 static V8 add_product(double a, V8 b, V8 c) {
    return _mm512_add_pd(c, _mm512_mul_pd(_mm512_set1_pd(a), b));
  }
  NABLAFLOW_TARGET_AVX2 static void store(double* to, V4 v) { _mm256_storeu_pd(to, v); }
  NABLAFLOW_TARGET_AVX512 static void store(double* to, V8 v) { _mm512_storeu_pd(to, v); }
};
template <>
struct Wide<float> {
  using V4 = __m256;
  using V8 = __m512;
  NABLAFLOW_TARGET_AVX2 static V4 add_product(float a, V4 b, V4 c) {
    return _mm256_add_ps(c, _mm256_mul_ps(_mm256_set1_ps(a), b));
  }
  NABLAFLOW_TARGET_AVX512 static V8 add_product(float a, V8 b, V8 c) {
    return _mm512_add_ps(c, _mm512_mul_ps(_mm512_set1_ps(a), b));
  }
  NABLAFLOW_TARGET_AVX2 static void store(float* to, V4 v) { _mm256_storeu_ps(to, v); }
  NABLAFLOW_TARGET_AVX512 static void store(float* to, V8 v) { _mm512_storeu_ps(to, v); }
};

template <class T>
NABLAFLOW_TARGET_AVX2 void avx2_tile(std::int64_t k, const T* a, const T* b, T* tile) {
  using V = typename Wide<T>::V4;
  V sums[4][3] = {};
  for (std::int64_t p = 0; p < k; ++p, a += 4, b += 3 * kWidth<32, T>) {
    V of_b[3];
    std::memcpy(of_b, b, sizeof of_b);
    NABLAFLOW_UNROLLED
    for (int i = 0; i < 4; ++i) NABLAFLOW_UNROLLED
    for (int j = 0; j < 3; ++j) sums[i][j] = Wide<T>::add_product(a[i], of_b[j], sums[i][j]);
  }
  NABLAFLOW_UNROLLED
  for (int i = 0; i < 4; ++i) NABLAFLOW_UNROLLED
  for (int j = 0; j < 3; ++j) Wide<T>::store(tile + (i * 3 + j) * kWidth<32, T>, sums[i][j]);
}

template <class T>
NABLAFLOW_TARGET_AVX512 void avx512_tile(std::int64_t k, const T* a, const T* b, T* tile) {
  using V = typename Wide<T>::V8;
  V sums[8][2] = {};
  for (std::int64_t p = 0; p < k; ++p, a += 8, b += 2 * kWidth<64, T>) {
    V of_b[2];
    std::memcpy(of_b, b, sizeof of_b);
    NABLAFLOW_UNROLLED
    for (int i = 0; i < 8; ++i) NABLAFLOW_UNROLLED
    for (int j = 0; j < 2; ++j) sums[i][j] = Wide<T>::add_product(a[i], of_b[j], sums[i][j]);
  }
  NABLAFLOW_UNROLLED
  for (int i = 0; i < 8; ++i) NABLAFLOW_UNROLLED
  for (int j = 0; j < 2; ++j) Wide<T>::store(tile + (i * 2 + j) * kWidth<64, T>, sums[i][j]);
}
#endif

template <class T>
TileKernel<T> tile_kernel() {
#if NABLAFLOW_TARGETS
  if (instruction_set() == InstructionSet::avx512) return {8, 2 * kWidth<64, T>, &avx512_tile<T>};
  if (instruction_set() == InstructionSet::avx2) return {4, 3 * kWidth<32, T>, &avx2_tile<T>};
#endif
  return {4, 2 * kWidth<16, T>, &baseline_tile<T>};
}

constexpr std::int64_t kMc = 256;
constexpr std::int64_t kKc = 256;
constexpr std::int64_t kNc = 512;

// The most elements of a tile.
constexpr std::int64_t kLargestTile = 8 * 32;

template <class T>
struct Panels {
  std::vector<T> a, b;
};

// Panels of `width` rows (or columns), a multiple of 4, k innermost-but-one, padded with zeros.
template <class T>
void pack(T* to, const T* from, std::int64_t count, std::int64_t stride, std::int64_t k,
          std::int64_t k_stride, std::int64_t width) {
  for (std::int64_t start = 0; start < count; start += width) {
    const std::int64_t n = std::min(width, count - start);
    for (std::int64_t p = 0; p < k; ++p) {
      const T* of_term = from + start * stride + p * k_stride;
      if (stride == 1 && n == width) {
        for (std::int64_t i = 0; i < n; i += 4) std::memcpy(to + i, of_term + i, 4 * sizeof(T));
      } else {
        for (std::int64_t i = 0; i < n; ++i) to[i] = of_term[i * stride];
      }
      for (std::int64_t i = n; i < width; ++i) to[i] = T(0);
      to += width;
    }
  }
}

template <class T>
void blocked(const MatmulArguments<T>& x) {
  if (x.k == 0) {
    for (std::int64_t i = 0; i < x.m; ++i) std::fill(x.c + i * x.c_row, x.c + i * x.c_row + x.n, T(0));
    return;
  }
  const TileKernel<T> kernel = tile_kernel<T>();
  const auto padded = [](std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; };
  auto& [a_panel, b_panel] = thread_own<Panels<T>>();
  a_panel.resize(static_cast<std::size_t>(kMc * std::min(kKc, x.k)));
  b_panel.resize(static_cast<std::size_t>(padded(std::min(kNc, x.n), kernel.columns) * std::min(kKc, x.k)));
  for (std::int64_t pc = 0; pc < x.k; pc += kKc) {
    const std::int64_t kc = std::min(kKc, x.k - pc);
    for (std::int64_t ic = 0; ic < x.m; ic += kMc) {
      const std::int64_t mc = std::min(kMc, x.m - ic);
      pack(a_panel.data(), x.a + ic * x.a_row + pc * x.a_column, mc, x.a_row, kc, x.a_column, kernel.rows);
      for (std::int64_t jc = 0; jc < x.n; jc += kNc) {
        const std::int64_t nc = std::min(kNc, x.n - jc);
        pack(b_panel.data(), x.b + pc * x.b_row + jc * x.b_column, nc, x.b_column, kc, x.b_row,
             kernel.columns);
        for (std::int64_t j = 0; j < nc; j += kernel.columns)
          for (std::int64_t i = 0; i < mc; i += kernel.rows) {
            T tile[kLargestTile];
            kernel.run(kc, a_panel.data() + i * kc, b_panel.data() + j * kc, tile);
            T* c = x.c + (ic + i) * x.c_row + jc + j;
            const std::int64_t columns = std::min(kernel.columns, nc - j);
            for (std::int64_t r = 0; r < std::min(kernel.rows, mc - i); ++r, c += x.c_row)
              for (std::int64_t s = 0; s < columns; ++s)
                c[s] = (pc > 0 ? c[s] : T(0)) + tile[r * kernel.columns + s];
          }
      }
    }
  }
}

}  // namespace

void matmul(const MatmulArguments<float>& arguments) {
  if (!matmul_onednn(arguments)) blocked(arguments);
}

void matmul(const MatmulArguments<double>& arguments) { blocked(arguments); }

// Test-only: clarity over speed.
void matmul(const MatmulArguments<std::complex<double>>& x) {
  for (std::int64_t i = 0; i < x.m; ++i)
    for (std::int64_t j = 0; j < x.n; ++j) {
      std::complex<double> sum = 0;
      for (std::int64_t p = 0; p < x.k; ++p)
        sum += x.a[i * x.a_row + p * x.a_column] * x.b[p * x.b_row + j * x.b_column];
      x.c[i * x.c_row + j] = sum;
    }
}

}  // namespace nabla::cpu
