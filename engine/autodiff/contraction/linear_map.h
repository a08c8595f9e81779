#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "engine/tensor/tensor.h"

namespace nabla {

/// How a term of a linear map is stored: a diagonal; a matrix that all samples share, between diagonals of
/// each sample; a matrix for each sample; a sum of few outer products, which is what a norm adds to its
/// diagonal; or, where a matrix would be too large, a function that applies it.
enum class MapKind { diagonal, shared, per_sample, low_rank, applied };

/// One linear map for each of B samples, from vectors of `columns` to vectors of `rows` elements:
/// left * matrix * right, or of low rank sum_k left_k right_k^T. What all samples share is multiplied with
/// what they share, and once. An applied map stands between diagonals as a matrix does.
/// Shapes are those of tensors; `Value` may be what stands for one.
template <class Value, class Function>
struct LinearMapOf {
  MapKind kind = MapKind::diagonal;
  std::int64_t rows = 0, columns = 0;
  /// [B or 1, rows], or [B or 1, 1] where all elements are scaled alike; the diagonal itself of a diagonal
  /// map, none: the identity. Of low rank: [B or 1, rank, rows].
  std::optional<Value> left;
  std::optional<Value> matrix;  ///< shared [rows, columns], per sample [B, rows, columns]
  /// [B, columns], of a map with a matrix. Of low rank: [B or 1, rank, columns]
  std::optional<Value> right;
  Function function = {};  ///< of an applied map
};

/// A linear map that is not formed.
struct AppliedMap {
  std::function<Tensor(const Tensor&)> forward;     ///< vectors [B, k, columns] -> [B, k, rows]
  std::function<Tensor(const Tensor&)> transposed;  ///< [B, k, rows] -> [B, k, columns]
  std::int64_t samples = 0;                         ///< B
  double operations = 0;                            ///< of one vector of a sample
};

/// A map of tensors.
using LinearMap = LinearMapOf<Tensor, std::shared_ptr<const AppliedMap>>;

/// What is asked of a linear map.
enum class EliminationGoal { trace, diagonal, whole };

/// Is the map stored as a matrix?
template <class Value, class Function>
bool has_matrix(const LinearMapOf<Value, Function>& map) {
  return map.kind == MapKind::shared || map.kind == MapKind::per_sample;
}
/// Does a vector that goes through the map take more than an operation for each element?
template <class Value, class Function>
bool is_dense(const LinearMapOf<Value, Function>& map) {
  return has_matrix(map) || map.kind == MapKind::applied;
}

/// Cuts the map for samples start .. stop - 1 out of it: all of them where it is applied.
LinearMap for_samples(const LinearMap& map, std::int64_t start, std::int64_t stop);

}  // namespace nabla
