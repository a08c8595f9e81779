#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// How a term of a linear map is stored: a diagonal; a matrix that all samples share, between diagonals of
/// each sample; or a matrix for each sample.
enum class MapKind { diagonal, shared, per_sample };

/// One linear map for each of B samples, from vectors of `columns` to vectors of `rows` elements:
/// left * matrix * right. What all samples share is multiplied with what they share, and once.
struct LinearMap {
  MapKind kind = MapKind::diagonal;
  std::int64_t rows = 0, columns = 0;
  std::optional<Tensor> left;  ///< [B or 1, rows]; the diagonal itself of a diagonal map, none: the identity
  std::optional<Tensor> matrix;  ///< shared [rows, columns], per sample [B, rows, columns]
  std::optional<Tensor> right;   ///< [B, columns], of a map with a matrix
};

/// More matrices than this in a sum are formed into one for each sample: products of sums would have ever
/// more.
inline constexpr int kMostMatrices = 2;

/// A sum of maps.
using LinearMaps = std::vector<LinearMap>;

/// first, then second.
LinearMap multiply(const LinearMap& second, const LinearMap& first);
/// The sum, with terms brought together where that costs no more than adding two diagonals or matrices.
void add(LinearMaps& to, const LinearMap& term);
/// The trace of first, then second, of each sample: [B or 1].
Tensor trace_of_product(const LinearMap& second, const LinearMap& first, DType dtype);

}  // namespace nabla
