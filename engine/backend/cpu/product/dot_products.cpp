#include "engine/backend/cpu/product/dot_products.h"

#include <algorithm>
#include <complex>
#include <type_traits>
#include <vector>

#include "engine/backend/cpu/kernels/loop.h"
#include "engine/backend/cpu/product/operand_matrices.h"
#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/backend/variants.h"

namespace nabla::cpu {
namespace {

// The loops over dense memory, which are compiled once more for AVX2. Each names the order of its sums, so
// that both give the same bits.

// Lane l takes the terms l, l + lanes, ..; the lanes are then added in pairs.
template <class T>
[[gnu::always_inline]] inline T dot(const T* x, const T* y, std::int64_t count) {
  constexpr std::int64_t kLanes = 32;
  T lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) lanes[l] += x[i + l] * y[i + l];
  for (std::int64_t l = 0; i + l < count; ++l) lanes[l] += x[i + l] * y[i + l];
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2)
    for (std::int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  return lanes[0];
}

template <class T>
[[gnu::always_inline]] inline void add_products(T* sums, const T* x, const T* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sums[i] += x[i] * y[i];
}

template <class T>
[[gnu::always_inline]] inline void scale(T* to, T factor, const T* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = factor * x[i];
}

template <class T>
struct DenseLoops {
  T (*dot)(const T* x, const T* y, std::int64_t count);
  void (*add_products)(T* sums, const T* x, const T* y, std::int64_t count);
  void (*scale)(T* to, T factor, const T* x, std::int64_t count);
};

template <class T>
DenseLoops<T> dense_loops() {
  const InstructionSet set = std::is_floating_point_v<T> ? std::min(instruction_set(), InstructionSet::avx2)
                                                         : InstructionSet::baseline;
  return {variants<&dot<T>>().at(set), variants<&add_products<T>>().at(set), variants<&scale<T>>().at(set)};
}

// Sums longer than this are cut: into tasks where results are few, and into parts that are added in f64.
constexpr std::int64_t kLongestRun = 16384;
template <class T>
using Total = std::conditional_t<std::is_same_v<T, float>, double, T>;

// Where the operands of each result start, and where the result goes.
struct Results {
  const ContractionRoles& roles;
  std::int64_t m = roles.rows.size();
  std::int64_t n = roles.columns.size();
  std::int64_t size = roles.batch.size() * m * n;

  struct Offsets {
    std::int64_t a, b, c;
  };
  Offsets at(std::int64_t r) const {
    const std::int64_t batch = r / (m * n);
    const std::int64_t i = r / n % m;
    const std::int64_t j = r % n;
    return {roles.batch.offset(batch, kLeft) + roles.rows.offset(i, kLeft),
            roles.batch.offset(batch, kRight) + roles.columns.offset(j, kRight),
            roles.batch.offset(batch, kResult) + roles.rows.offset(i, kResult) +
                roles.columns.offset(j, kResult)};
  }
};

// The sum of one result over the terms [start, stop), run by run along the innermost summed axis.
template <class T>
Total<T> sum_of_terms(const ContractionWalk& summed, const T* left, const T* right, std::int64_t start,
                      std::int64_t stop, const DenseLoops<T>& loops) {
  const std::int64_t inner = summed.inner_extent();
  const std::int64_t sa = summed.inner_stride(kLeft, 0);
  const std::int64_t sb = summed.inner_stride(kRight, 0);
  if (sa == 1 && sb == 1 && summed.rank() <= 1)
    return static_cast<Total<T>>(loops.dot(left + start, right + start, stop - start));
  Total<T> total{};
  for (std::int64_t p = start; p < stop;) {
    const std::int64_t run = std::min(inner - p % inner, stop - p);
    const T* x = left + summed.offset(p, kLeft);
    const T* y = right + summed.offset(p, kRight);
    p += run;
    if (sa == 1 && sb == 1) {
      total += static_cast<Total<T>>(loops.dot(x, y, run));
      continue;
    }
    T sum{};
    for (std::int64_t q = 0; q < run; ++q) sum += x[q * sa] * y[q * sb];
    total += static_cast<Total<T>>(sum);
  }
  return total;
}

template <class T>
void result_by_result(const ContractionRoles& roles, const T* a, const T* b, T* c) {
  const DenseLoops<T> loops = dense_loops<T>();
  const Results results{roles};
  const std::int64_t k = roles.summed.size();
  const std::int64_t inner = roles.columns.inner_extent();
  const std::int64_t pieces = std::max<std::int64_t>(1, (k + kLongestRun - 1) / kLongestRun);
  if (pieces == 1) {
    const std::int64_t per_task = std::max<std::int64_t>(1, kTaskElements / std::max<std::int64_t>(1, k));
    parallel_for((results.size + per_task - 1) / per_task, [&](std::int64_t task) {
      const std::int64_t stop = std::min(results.size, (task + 1) * per_task);
      for (std::int64_t r = task * per_task; r < stop;) {
        // Along the innermost columns offsets grow by strides.
        const Results::Offsets at = results.at(r);
        const std::int64_t run = std::min(stop - r, inner - r % inner);
        for (std::int64_t j = 0; j < run; ++j)
          c[at.c + j * roles.columns.inner_stride(kResult)] = static_cast<T>(sum_of_terms(
              roles.summed, a + at.a, b + at.b + j * roles.columns.inner_stride(kRight), 0, k, loops));
        r += run;
      }
    });
    return;
  }
  std::vector<Total<T>> parts(results.size * pieces);
  parallel_for(results.size * pieces, [&](std::int64_t task) {
    const Results::Offsets at = results.at(task / pieces);
    const std::int64_t start = task % pieces * kLongestRun;
    parts[task] =
        sum_of_terms(roles.summed, a + at.a, b + at.b, start, std::min(k, start + kLongestRun), loops);
  });
  for (std::int64_t r = 0; r < results.size; ++r) {
    Total<T> total{};
    for (std::int64_t i = 0; i < pieces; ++i) total += parts[r * pieces + i];
    c[results.at(r).c] = static_cast<T>(total);
  }
}

// The innermost batch axis is dense in both operands: whole rows of products are added to a block of sums.
template <class T>
void batch_by_batch(const ContractionRoles& roles, const T* a, const T* b, T* c) {
  const DenseLoops<T> loops = dense_loops<T>();
  ContractionRoles outer = roles;
  const ContractionWalk::Axis dense = outer.batch.axes().back();
  outer.batch = outer.batch.without(outer.batch.rank() - 1);
  const Results results{outer};
  const std::int64_t k = roles.summed.size();
  constexpr std::int64_t kBlock = 512;
  const std::int64_t blocks = (dense.extent + kBlock - 1) / kBlock;
  // Few results of long sums are cut along the sum.
  const std::int64_t widest = std::min(kBlock, dense.extent);
  const std::int64_t terms = std::max<std::int64_t>(1, kTaskElements / widest);
  const std::int64_t pieces = (k + terms - 1) / terms;
  std::vector<T> parts(results.size * blocks * pieces * widest);
  parallel_for(results.size * blocks * pieces, [&](std::int64_t task) {
    const std::int64_t block = task / pieces;
    const Results::Offsets at = results.at(block / blocks);
    const std::int64_t start = block % blocks * kBlock;
    const std::int64_t width = std::min(kBlock, dense.extent - start);
    T* sums = parts.data() + task * widest;
    const std::int64_t first = task % pieces * terms;
    for (std::int64_t p = first; p < std::min(k, first + terms); ++p)
      loops.add_products(sums, a + at.a + start + roles.summed.offset(p, kLeft),
                         b + at.b + start + roles.summed.offset(p, kRight), width);
  });
  for (std::int64_t block = 0; block < results.size * blocks; ++block) {
    const std::int64_t start = block % blocks * kBlock;
    T* to = c + results.at(block / blocks).c + start * dense.strides[kResult];
    for (std::int64_t j = 0; j < std::min(kBlock, dense.extent - start); ++j) {
      Total<T> total{};
      for (std::int64_t i = 0; i < pieces; ++i)
        total += static_cast<Total<T>>(parts[(block * pieces + i) * widest + j]);
      to[j * dense.strides[kResult]] = static_cast<T>(total);
    }
  }
}

}  // namespace

template <class T>
void by_dot_products(const ContractionRoles& roles, const T* a, const T* b, T* c) {
  const std::int64_t sa = roles.summed.inner_stride(kLeft);
  const std::int64_t sb = roles.summed.inner_stride(kRight);
  if (sa == 1 && sb == 1) return result_by_result(roles, a, b, c);
  if (roles.batch.inner_stride(kLeft) == 1 && roles.batch.inner_stride(kRight) == 1 &&
      roles.batch.inner_extent() >= 8)
    return batch_by_batch(roles, a, b, c);
  return result_by_result(roles, a, b, c);
}

template <class T>
void by_scaled_rows(const ContractionRoles& roles, const T* a, const T* b, T* c) {
  const auto scale_row = dense_loops<T>().scale;
  const std::int64_t m = roles.rows.size();
  const std::int64_t n = roles.columns.size();
  const std::int64_t rows = roles.batch.size() * m;
  const std::int64_t per_task = std::max<std::int64_t>(1, kTaskElements / n);
  parallel_for((rows + per_task - 1) / per_task, [&](std::int64_t task) {
    for (std::int64_t r = task * per_task; r < std::min(rows, (task + 1) * per_task);) {
      const std::int64_t batch = r / m;
      const T* right = b + roles.batch.offset(batch, kRight);
      const T* left = a + roles.batch.offset(batch, kLeft);
      T* to = c + roles.batch.offset(batch, kResult);
      for (std::int64_t stop = std::min({rows, (task + 1) * per_task, (batch + 1) * m}); r < stop; ++r)
        scale_row(to + roles.rows.offset(r % m, kResult), left[roles.rows.offset(r % m, kLeft)], right, n);
    }
  });
}

template void by_dot_products(const ContractionRoles&, const float*, const float*, float*);
template void by_dot_products(const ContractionRoles&, const double*, const double*, double*);
template void by_dot_products(const ContractionRoles&, const std::complex<double>*,
                              const std::complex<double>*, std::complex<double>*);
template void by_scaled_rows(const ContractionRoles&, const float*, const float*, float*);
template void by_scaled_rows(const ContractionRoles&, const double*, const double*, double*);
template void by_scaled_rows(const ContractionRoles&, const std::complex<double>*,
                             const std::complex<double>*, std::complex<double>*);

}  // namespace nabla::cpu
