#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// How a term of a linear map is stored: a diagonal; a matrix that all samples share, between diagonals of
/// each sample; a matrix for each sample; a sum of few outer products, which is what a norm adds to its
/// diagonal; or, where a matrix would be too large, a function that applies it.
enum class MapKind { diagonal, shared, per_sample, low_rank, applied };

/// A linear map that is not formed.
struct AppliedMap {
  std::function<Tensor(const Tensor&)> forward;     ///< vectors [B, k, columns] -> [B, k, rows]
  std::function<Tensor(const Tensor&)> transposed;  ///< [B, k, rows] -> [B, k, columns]
  std::int64_t samples = 0;                         ///< B
  DType dtype = DType::f32;
  double operations = 0;  ///< of one vector of a sample
};

/// One linear map for each of B samples, from vectors of `columns` to vectors of `rows` elements:
/// left * matrix * right, or of low rank sum_k left_k right_k^T. What all samples share is multiplied with
/// what they share, and once. An applied map stands between diagonals as a matrix does.
struct LinearMap {
  MapKind kind = MapKind::diagonal;
  std::int64_t rows = 0, columns = 0;
  /// [B or 1, rows], or [B or 1, 1] where all elements are scaled alike; the diagonal itself of a diagonal
  /// map, none: the identity. Of low rank: [B or 1, rank, rows].
  std::optional<Tensor> left;
  std::optional<Tensor> matrix;  ///< shared [rows, columns], per sample [B, rows, columns]
  std::optional<Tensor>
      right;  ///< [B, columns], of a map with a matrix. Of low rank: [B or 1, rank, columns]
  std::shared_ptr<const AppliedMap> function = {};  ///< of an applied map
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

/// The map for samples start .. stop - 1: all of them where it is applied.
LinearMap for_samples(const LinearMap& map, std::int64_t start, std::int64_t stop);

/// A sum of maps.
using LinearMaps = std::vector<LinearMap>;

/// first, then second.
LinearMap multiply(const LinearMap& second, const LinearMap& first);
/// The products of all terms. What has several matrices is brought together first where another matrix meets
/// it: adding them takes less than multiplying each.
LinearMaps multiply(const LinearMaps& second, const LinearMaps& first, DType dtype);
/// The sum, with terms brought together where that costs no more than adding two diagonals or matrices.
/// `dtype` is that of the maps: an identity has none.
void add(LinearMaps& to, const LinearMap& term, DType dtype);
/// The trace of first, then second, of each sample: [B or 1].
Tensor trace_of_product(const LinearMap& second, const LinearMap& first, DType dtype);
/// The diagonal of first, then second, of each sample: [B or 1, rows], or [B or 1, 1] where all are equal.
Tensor diagonal_of_product(const LinearMap& second, const LinearMap& first, DType dtype);
/// The sum as one matrix for each sample: [B or 1, rows, columns]. @throws Error if it has no terms.
Tensor formed(const LinearMaps& maps, DType dtype);

}  // namespace nabla
