#pragma once

#include <cstdint>

// What the products of linear maps cost, and from which sizes on they are stored otherwise.

namespace nabla {

/// Floating-point operations of an elimination, as far as sizes tell: a search compares orders by them. What
/// a plan takes is another matter (jacobian_ways.h).
struct EliminationCost {
  double once = 0;        ///< operations on what all samples share
  double per_sample = 0;  ///< operations for each sample
  double total(std::int64_t samples) const { return once + per_sample * static_cast<double>(samples); }
};

/// What work on single elements counts beside the operations of products.
struct ElementCosts {
  /// An operation on each element of a matrix moves it through memory; this many of a product take that time.
  double matrix = 8;
  double vector = 1;
};

/// More matrices than this in a sum are formed into one for each sample: products of sums would have ever
/// more.
inline constexpr int kMostMatrices = 2;

/// Is a product through `middle` elements kept as outer products? `once`: of what all samples share, which
/// costs little to form and can then meet diagonals of each sample.
constexpr bool stays_low_rank(std::int64_t middle, std::int64_t rows, std::int64_t columns, bool once) {
  const std::int64_t narrow = rows < columns ? rows : columns;
  return 4 * middle <= narrow && (!once || middle <= 4);
}
/// Has a sum of outer products so many that a matrix is no more?
constexpr bool is_full_rank(std::int64_t rank, std::int64_t rows, std::int64_t columns) {
  return 2 * rank > (rows < columns ? rows : columns);
}

}  // namespace nabla
