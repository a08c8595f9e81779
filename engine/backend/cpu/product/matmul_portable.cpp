#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/backend/cpu/product/matmul.h"
#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/backend/instruction_set.h"
#include "engine/backend/products.h"
#include "engine/backend/target.h"

#if NABLAFLOW_TARGETS
#include <immintrin.h>
#endif

// A packed, blocked product. A block of b (kKc x kNc) and one of a (kMc x kKc) are copied into panels that
// the inner kernel walks in order; the kernel keeps a tile of c in registers. An element of c is the sum over
// a block of k, term by term, added to those of the blocks before, with every instruction set; AVX2 and
// AVX-512 round a product and its sum once (fused multiply-add).

namespace nabla::cpu {
namespace {

// Makes a tile of c, whose rows lie c_row apart, of k terms, or adds it to what is there: a holds `rows`
// elements for each term, b `columns`.
template <class T>
struct TileKernel {
  std::int64_t rows, columns;
  void (*run)(std::int64_t k, const T* a, const T* b, T* c, std::int64_t c_row, bool adds);
};

// Elements of a vector.
template <std::int64_t kBytes, class T>
constexpr std::int64_t kWidth = kBytes / static_cast<std::int64_t>(sizeof(T));

// 16-byte vectors exist on every target.
template <class T>
void baseline_tile(std::int64_t k, const T* a, const T* b, T* c, std::int64_t c_row, bool adds) {
  typedef T V __attribute__((vector_size(16)));
  V sums[4][2] = {};
  for (std::int64_t p = 0; p < k; ++p, a += 4, b += 2 * kWidth<16, T>) {
    V of_b[2];
    std::memcpy(of_b, b, sizeof of_b);
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 2; ++j) sums[i][j] += a[i] * of_b[j];
  }
  for (int i = 0; i < 4; ++i, c += c_row)
    for (int j = 0; j < 2; ++j) {
      V before = {};
      if (adds) std::memcpy(&before, c + j * kWidth<16, T>, sizeof before);
      before += sums[i][j];
      std::memcpy(c + j * kWidth<16, T>, &before, sizeof before);
    }
}

#if NABLAFLOW_TARGETS
#define NABLAFLOW_TARGET_AVX2_FMA [[gnu::target("avx2,fma")]]

template <class T>
struct Wide;
template <>
struct Wide<double> {
  using V4 = __m256d;
  using V8 = __m512d;
  NABLAFLOW_TARGET_AVX2_FMA static V4 add_product(double a, V4 b, V4 c) {
    return _mm256_fmadd_pd(_mm256_set1_pd(a), b, c);
  }
  NABLAFLOW_TARGET_AVX512 static V8 add_product(double a, V8 b, V8 c) {
    return _mm512_fmadd_pd(_mm512_set1_pd(a), b, c);
  }
  NABLAFLOW_TARGET_AVX2_FMA static void put(double* to, V4 v, bool adds) {
    _mm256_storeu_pd(to, adds ? _mm256_add_pd(_mm256_loadu_pd(to), v) : v);
  }
  NABLAFLOW_TARGET_AVX512 static void put(double* to, V8 v, bool adds) {
    _mm512_storeu_pd(to, adds ? _mm512_add_pd(_mm512_loadu_pd(to), v) : v);
  }
};
template <>
struct Wide<float> {
  using V4 = __m256;
  using V8 = __m512;
  NABLAFLOW_TARGET_AVX2_FMA static V4 add_product(float a, V4 b, V4 c) {
    return _mm256_fmadd_ps(_mm256_set1_ps(a), b, c);
  }
  NABLAFLOW_TARGET_AVX512 static V8 add_product(float a, V8 b, V8 c) {
    return _mm512_fmadd_ps(_mm512_set1_ps(a), b, c);
  }
  NABLAFLOW_TARGET_AVX2_FMA static void put(float* to, V4 v, bool adds) {
    _mm256_storeu_ps(to, adds ? _mm256_add_ps(_mm256_loadu_ps(to), v) : v);
  }
  NABLAFLOW_TARGET_AVX512 static void put(float* to, V8 v, bool adds) {
    _mm512_storeu_ps(to, adds ? _mm512_add_ps(_mm512_loadu_ps(to), v) : v);
  }
};

template <class T>
NABLAFLOW_TARGET_AVX2_FMA void avx2_tile(std::int64_t k, const T* a, const T* b, T* c, std::int64_t c_row,
                                         bool adds) {
  using V = typename Wide<T>::V4;
  // Asked for now, the tile is there when its sums are.
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 3; ++j) __builtin_prefetch(c + i * c_row + j * kWidth<32, T>, 1);
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
  for (int j = 0; j < 3; ++j) Wide<T>::put(c + i * c_row + j * kWidth<32, T>, sums[i][j], adds);
}

template <class T>
NABLAFLOW_TARGET_AVX512 void avx512_tile(std::int64_t k, const T* a, const T* b, T* c, std::int64_t c_row,
                                         bool adds) {
  using V = typename Wide<T>::V8;
  // Asked for now, the tile is there when its sums are.
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 2; ++j) __builtin_prefetch(c + i * c_row + j * kWidth<64, T>, 1);
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
  for (int j = 0; j < 2; ++j) Wide<T>::put(c + i * c_row + j * kWidth<64, T>, sums[i][j], adds);
}
#endif

template <class T>
TileKernel<T> tile_kernel(InstructionSet set) {
#if NABLAFLOW_TARGETS
  if (set == InstructionSet::avx512) return {8, 2 * kWidth<64, T>, &avx512_tile<T>};
  if (set == InstructionSet::avx2) return {4, 3 * kWidth<32, T>, &avx2_tile<T>};
#endif
  return {4, 2 * kWidth<16, T>, &baseline_tile<T>};
}

constexpr std::int64_t kMc = 256;
constexpr std::int64_t kKc = 256;
constexpr std::int64_t kNc = 480;  // whole tiles of every kernel

// The most elements of a tile.
constexpr std::int64_t kLargestTile = 8 * 32;

template <class T>
struct Panels {
  std::vector<T> a, b;
};

// Panels of `width` rows (or columns), k innermost-but-one, padded with zeros. What lies together in memory
// is read together: a term's elements, or else an element's terms, a few at a time.
template <class T>
void pack(T* to, const T* from, std::int64_t count, std::int64_t stride, std::int64_t k,
          std::int64_t k_stride, std::int64_t width) {
  constexpr std::int64_t kTerms = 8;
  const std::int64_t whole = count / width * width;
  if (stride == 1) {
    for (std::int64_t p = 0; p < k; ++p)
      for (std::int64_t start = 0; start < whole; start += width)
        for (std::int64_t i = 0; i < width; i += 4)  // a multiple of 4
          std::memcpy(to + start * k + p * width + i, from + p * k_stride + start + i, 4 * sizeof(T));
  } else {
    for (std::int64_t start = 0; start < whole; start += width)
      for (std::int64_t first = 0; first < k; first += kTerms)
        for (std::int64_t i = 0; i < width; ++i) {
          const T* row = from + (start + i) * stride + first * k_stride;
          T* of_row = to + start * k + first * width + i;
          for (std::int64_t p = 0; p < std::min(kTerms, k - first); ++p)
            of_row[p * width] = row[p * k_stride];
        }
  }
  if (whole == count) return;
  to += whole * k;
  from += whole * stride;
  for (std::int64_t p = 0; p < k; ++p, to += width)
    for (std::int64_t i = 0; i < width; ++i)
      to[i] = i < count - whole ? from[i * stride + p * k_stride] : T(0);
}

std::int64_t padded(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

// Packs terms [pc, pc + kc) of columns [jc, jc + nc) of b.
template <class T>
void pack_right(const MatmulShape& x, const T* b, std::int64_t pc, std::int64_t kc, std::int64_t jc,
                std::int64_t nc, std::int64_t width, T* to) {
  pack(to, b + pc * x.b_row + jc * x.b_column, nc, x.b_column, kc, x.b_row, width);
}

template <class T>
void blocked(const MatmulArguments<T>& x, InstructionSet set) {
  if (x.k == 0) {
    for (std::int64_t i = 0; i < x.m; ++i) std::fill(x.c + i * x.c_row, x.c + i * x.c_row + x.n, T(0));
    return;
  }
  const TileKernel<T> kernel = tile_kernel<T>(set);
  auto& [a_panel, b_panel] = thread_own<Panels<T>>();
  a_panel.resize(kMc * std::min(kKc, x.k));
  if (!x.has_packed_b()) b_panel.resize(padded(std::min(kNc, x.n), kernel.columns) * std::min(kKc, x.k));
  for (std::int64_t pc = 0; pc < x.k; pc += kKc) {
    const std::int64_t kc = std::min(kKc, x.k - pc);
    for (std::int64_t ic = 0; ic < x.m; ic += kMc) {
      const std::int64_t mc = std::min(kMc, x.m - ic);
      pack(a_panel.data(), x.a + ic * x.a_row + pc * x.a_column, mc, x.a_row, kc, x.a_column, kernel.rows);
      for (std::int64_t jc = 0; jc < x.n; jc += kNc) {
        const std::int64_t nc = std::min(kNc, x.n - jc);
        const T* panels = b_panel.data();
        if (x.has_packed_b()) {
          panels = x.b + pc * padded(x.n, kernel.columns) + jc * kc;
        } else {
          pack_right(x, x.b, pc, kc, jc, nc, kernel.columns, b_panel.data());
        }
        for (std::int64_t j = 0; j < nc; j += kernel.columns)
          for (std::int64_t i = 0; i < mc; i += kernel.rows) {
            T* c = x.c + (ic + i) * x.c_row + jc + j;
            const std::int64_t rows = std::min(kernel.rows, mc - i);
            const std::int64_t columns = std::min(kernel.columns, nc - j);
            const T* of_a = a_panel.data() + i * kc;
            const T* of_b = panels + j * kc;
            if (rows == kernel.rows && columns == kernel.columns) {
              kernel.run(kc, of_a, of_b, c, x.c_row, pc > 0);
              continue;
            }
            T tile[kLargestTile];
            kernel.run(kc, of_a, of_b, tile, kernel.columns, false);
            for (std::int64_t r = 0; r < rows; ++r, c += x.c_row)
              for (std::int64_t s = 0; s < columns; ++s)
                c[s] = (pc > 0 ? c[s] : T(0)) + tile[r * kernel.columns + s];
          }
      }
    }
  }
}

}  // namespace

void matmul(const MatmulArguments<float>& arguments) {
  if (product_library() != ProductLibrary::onednn || !matmul_onednn(arguments))
    blocked(arguments, instruction_set());
}

void matmul(const MatmulArguments<double>& arguments) { blocked(arguments, instruction_set()); }

RightPanels::RightPanels(const MatmulShape& product)
    : product_(product),
      set_(instruction_set()),
      width_(tile_kernel<double>(set_).columns),
      across_((product.n + kNc - 1) / kNc) {}

std::int64_t RightPanels::size() const { return padded(product_.n, width_) * product_.k; }

std::int64_t RightPanels::parts() const { return (product_.k + kKc - 1) / kKc * across_; }

void RightPanels::pack(std::int64_t part, const double* b, double* panels) const {
  const std::int64_t pc = part / across_ * kKc;
  const std::int64_t jc = part % across_ * kNc;
  const std::int64_t kc = std::min(kKc, product_.k - pc);
  const std::int64_t nc = std::min(kNc, product_.n - jc);
  pack_right(product_, b, pc, kc, jc, nc, width_, panels + pc * padded(product_.n, width_) + jc * kc);
}

void RightPanels::multiply(MatmulArguments<double> block) const {
  block.b_row = block.b_column = 0;
  blocked(block, set_);
}

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
