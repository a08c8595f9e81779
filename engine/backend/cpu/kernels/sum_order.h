#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "engine/backend/target.h"

// The order in which terms are added follows from their number alone, not from how they lie in memory or who
// adds them: a sum has the same bits alone and inside a program, of a tensor and of its transpose, for every
// instruction set and number of threads.
//
// Terms come in blocks of kSumBlock. Lane l of a block takes its terms l, l + kSumLanes, .. one after the
// other; lanes are then added in pairs half of them apart, and blocks in pairs of equal size. Of n terms none
// takes part in more than about 20 + log2(n / kSumBlock) additions. A block of fewer than kFewestInLanes
// terms is added one by one, which costs less.

namespace nabla::cpu {

/// Sums of f32 are carried in f64: it costs little beside the loads, and long sums stay accurate. Those of
/// signed integers are carried in the unsigned type of their size, which wraps around.
template <class T>
struct AccumulatorOf {
  using type = T;
};
template <>
struct AccumulatorOf<float> {
  using type = double;
};
template <>
struct AccumulatorOf<std::int32_t> {
  using type = std::uint32_t;
};
template <>
struct AccumulatorOf<std::int64_t> {
  using type = std::uint64_t;
};
template <class T>
using Accumulator = typename AccumulatorOf<T>::type;

inline constexpr std::int64_t kSumLanes = 16;
inline constexpr std::int64_t kSumBlock = 256;
inline constexpr std::int64_t kFewestInLanes = 2 * kSumLanes;

/// Adds blocks, or whatever comes in equal shares, in pairs as a binary counter counts.
template <class A>
class PairwiseSum {
 public:
  void add(A share) {
    for (std::uint64_t count = count_++; count % 2 != 0; count /= 2) share = waiting_[--size_] + share;
    waiting_[size_++] = share;
  }
  A total() const {
    if (size_ == 0) return A{};
    A total = waiting_[size_ - 1];
    for (std::size_t i = size_ - 1; i-- > 0;) total = waiting_[i] + total;
    return total;
  }

 private:
  std::array<A, 64> waiting_;  // of 2^k shares each, fewer towards the end
  std::size_t size_ = 0;
  std::uint64_t count_ = 0;
};

template <class A>
NABLAFLOW_INLINED A sum_of_lanes(A* lanes) {
  for (std::int64_t half = kSumLanes / 2; half > 0; half /= 2)
    for (std::int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  return lanes[0];
}

/// The sum of one block: `count` terms, at most kSumBlock.
template <class T>
NABLAFLOW_INLINED Accumulator<T> block_sum(const T* x, std::int64_t stride, std::int64_t count) {
  using A = Accumulator<T>;
  if (count < kFewestInLanes) {
    A total{};
    for (std::int64_t i = 0; i < count; ++i) total += static_cast<A>(x[i * stride]);
    return total;
  }
  A lanes[kSumLanes] = {};
  if (stride == 1 && count == kSumBlock) {  // the lanes stay in registers
    for (std::int64_t i = 0; i < kSumBlock; i += kSumLanes)
      for (std::int64_t l = 0; l < kSumLanes; ++l) lanes[l] += static_cast<A>(x[i + l]);
    return sum_of_lanes(lanes);
  }
  std::int64_t i = 0;
  if (stride == 1) {
    for (; i + kSumLanes <= count; i += kSumLanes)
      for (std::int64_t l = 0; l < kSumLanes; ++l) lanes[l] += static_cast<A>(x[i + l]);
  } else {
    for (; i + kSumLanes <= count; i += kSumLanes)
      for (std::int64_t l = 0; l < kSumLanes; ++l) lanes[l] += static_cast<A>(x[(i + l) * stride]);
  }
  for (std::int64_t l = 0; i + l < count; ++l) lanes[l] += static_cast<A>(x[(i + l) * stride]);
  return sum_of_lanes(lanes);
}

/// The sum of `count` terms, `stride` apart.
template <class T>
NABLAFLOW_INLINED Accumulator<T> row_sum(const T* x, std::int64_t stride, std::int64_t count) {
  using A = Accumulator<T>;
  if (count <= kSumBlock) return block_sum(x, stride, count);
  PairwiseSum<A> fours;  // which spare most of its counting
  for (std::int64_t start = 0; start < count;) {
    A sums[4] = {};
    std::int64_t blocks = 0;
    for (; blocks < 4 && start < count; start += kSumBlock)
      sums[blocks++] = block_sum(x + start * stride, stride, std::min(kSumBlock, count - start));
    A sum = blocks > 1 ? sums[0] + sums[1] : sums[0];
    if (blocks > 2) sum += blocks > 3 ? sums[2] + sums[3] : sums[2];
    if (count <= 4 * kSumBlock) return sum;
    fours.add(sum);
  }
  return fours.total();
}

/// Calls lane(first, step, terms) for the lanes of `count` terms in the order in which a PairwiseSum of the
/// lanes is the sum: for who has room for one lane at a time.
template <class Lane>
NABLAFLOW_INLINED void for_each_lane(std::int64_t count, const Lane& lane) {
  constexpr std::array<std::int64_t, kSumLanes> kHalvesFirst{0, 8, 4, 12, 2, 10, 6, 14,
                                                             1, 9, 5, 13, 3, 11, 7, 15};
  for (std::int64_t start = 0; start < count; start += kSumBlock) {
    const std::int64_t terms = std::min(kSumBlock, count - start);
    const bool few = terms < kFewestInLanes;
    for (std::size_t n = 0; n < (few ? 1 : kHalvesFirst.size()); ++n) {
      const std::int64_t l = kHalvesFirst[n];
      lane(start + l, few ? 1 : kSumLanes, few ? terms : (terms - l - 1) / kSumLanes + 1);
    }
  }
}

/// The most sums that wait in a PairwiseSum of the lanes of `count` terms, the one that is added included.
constexpr std::int64_t most_waiting(std::int64_t count) {
  if (count < kFewestInLanes) return 1;
  std::int64_t levels = 2;
  for (std::int64_t shares = (count + kSumBlock - 1) / kSumBlock * kSumLanes; shares > 1; shares /= 2)
    ++levels;
  return levels;
}

/// Sums of adjacent columns, lane by lane: a PairwiseSum of rows of `width` elements in memory of
/// most_waiting() rows.
template <class A>
class PairwiseRows {
 public:
  PairwiseRows(A* memory, std::int64_t width) : memory_(memory), width_(width) {}

  /// The row that is added next, to be filled.
  A* row() { return memory_ + size_ * width_; }
  /// Adds what stands in row(). `merge(to, above, width)` is to[j] += above[j].
  template <class Merge>
  NABLAFLOW_INLINED void add(const Merge& merge) {
    for (std::uint64_t count = count_++; count % 2 != 0; count /= 2) fold(merge);
    ++size_;
  }
  /// The total, which takes the place of all.
  template <class Merge>
  NABLAFLOW_INLINED const A* total(const Merge& merge) {
    for (--size_; size_ > 0;) fold(merge);
    return memory_;
  }

 private:
  template <class Merge>
  NABLAFLOW_INLINED void fold(const Merge& merge) {
    merge(row() - width_, row(), width_);
    --size_;
  }

  A* memory_;
  std::int64_t width_;
  std::int64_t size_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace nabla::cpu
