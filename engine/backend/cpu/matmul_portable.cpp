#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/backend/cpu/matmul.h"
#include "engine/backend/cpu/thread_own.h"

// A packed, blocked product. A block of b (kKc x kNc) and one of a (kMc x kKc) are copied into panels that
// the inner kernel walks in order; the kernel keeps an kMr x kNr block of c in registers.

namespace nabla::cpu {
namespace {

// 16-byte vectors exist on every target; wider machines use several per operation.
template <class T>
struct Vector {
  typedef T type __attribute__((vector_size(16)));
  static constexpr std::int64_t width = 16 / static_cast<std::int64_t>(sizeof(T));
};

constexpr std::int64_t kMr = 4;
template <class T>
constexpr std::int64_t kNr = 2 * Vector<T>::width;
constexpr std::int64_t kMc = 64;
constexpr std::int64_t kKc = 256;
constexpr std::int64_t kNc = 512;

template <class T>
struct Panels {
  std::vector<T> a, b;
};

// Panels of `width` rows (or columns), k innermost-but-one, padded with zeros.
template <class T>
void pack(T* to, const T* from, std::int64_t count, std::int64_t stride, std::int64_t k,
          std::int64_t k_stride, std::int64_t width) {
  for (std::int64_t start = 0; start < count; start += width) {
    const std::int64_t n = std::min(width, count - start);
    for (std::int64_t p = 0; p < k; ++p) {
      for (std::int64_t i = 0; i < n; ++i) to[i] = from[(start + i) * stride + p * k_stride];
      for (std::int64_t i = n; i < width; ++i) to[i] = T(0);
      to += width;
    }
  }
}

template <class T>
void micro_kernel(std::int64_t k, const T* a, const T* b, T* c, std::int64_t c_row, std::int64_t rows,
                  std::int64_t columns, bool add) {
  using V = typename Vector<T>::type;
  constexpr std::int64_t w = Vector<T>::width;
  V sums[kMr][2] = {};
  for (std::int64_t p = 0; p < k; ++p) {
    V b0;
    V b1;
    std::memcpy(&b0, b, sizeof b0);
    std::memcpy(&b1, b + w, sizeof b1);
    for (std::int64_t i = 0; i < kMr; ++i) {
      sums[i][0] += a[i] * b0;
      sums[i][1] += a[i] * b1;
    }
    a += kMr;
    b += 2 * w;
  }
  T block[kMr][2 * w];
  std::memcpy(block, sums, sizeof block);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      c[i * c_row + j] = add ? c[i * c_row + j] + block[i][j] : block[i][j];
}

template <class T>
void blocked(const MatmulArguments<T>& x) {
  constexpr std::int64_t nr = kNr<T>;
  if (x.k == 0) {
    for (std::int64_t i = 0; i < x.m; ++i) std::fill(x.c + i * x.c_row, x.c + i * x.c_row + x.n, T(0));
    return;
  }
  const auto padded = [](std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; };
  auto& [a_panel, b_panel] = thread_own<Panels<T>>();
  a_panel.resize(static_cast<std::size_t>(kMc * std::min(kKc, x.k)));
  b_panel.resize(static_cast<std::size_t>(padded(std::min(kNc, x.n), nr) * std::min(kKc, x.k)));
  for (std::int64_t jc = 0; jc < x.n; jc += kNc) {
    const std::int64_t nc = std::min(kNc, x.n - jc);
    for (std::int64_t pc = 0; pc < x.k; pc += kKc) {
      const std::int64_t kc = std::min(kKc, x.k - pc);
      pack(b_panel.data(), x.b + pc * x.b_row + jc * x.b_column, nc, x.b_column, kc, x.b_row, nr);
      for (std::int64_t ic = 0; ic < x.m; ic += kMc) {
        const std::int64_t mc = std::min(kMc, x.m - ic);
        pack(a_panel.data(), x.a + ic * x.a_row + pc * x.a_column, mc, x.a_row, kc, x.a_column, kMr);
        for (std::int64_t j = 0; j < nc; j += nr)
          for (std::int64_t i = 0; i < mc; i += kMr)
            micro_kernel(kc, a_panel.data() + i * kc, b_panel.data() + j * kc,
                         x.c + (ic + i) * x.c_row + jc + j, x.c_row, std::min(kMr, mc - i),
                         std::min(nr, nc - j), pc > 0);
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
