#include "engine/autodiff/linear_map.h"

#include <algorithm>

#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

using Diagonal = std::optional<Tensor>;

bool is_shared(const Diagonal& d) { return d && d->shape()[0] == 1; }

Diagonal product(const Diagonal& a, const Diagonal& b) {
  if (!a) return b;
  return b ? Diagonal(*a * *b) : a;
}

Tensor columns_scaled(const Tensor& matrix, const Tensor& diagonal) {
  return matrix * insert_axes(diagonal, {-2});  // [.., rows, columns] and [B or 1, columns]
}

// A diagonal that all samples share goes into a matrix that they share.
LinearMap with_left(LinearMap map, const Diagonal& d) {
  if (!d) return map;
  if (map.kind == MapKind::diagonal || !is_shared(d) || map.left || map.kind == MapKind::per_sample)
    map.left = product(d, map.left);
  else
    map.matrix = *map.matrix * transpose(*d);
  return map;
}
LinearMap with_right(LinearMap map, const Diagonal& d) {
  if (!d) return map;
  if (map.kind == MapKind::diagonal)
    map.left = product(map.left, d);
  else if (!is_shared(d) || map.right || map.kind == MapKind::per_sample)
    map.right = product(map.right, d);
  else
    map.matrix = *map.matrix * *d;
  return map;
}

// Of a matrix, without products with what stands beside the diagonal.
Tensor diagonal_of(const Tensor& matrix) {
  const Tensor on = cast(identity(matrix.shape()[-1], DType::u8), DType::boolean);
  return sum(select(on, matrix, 0.0), {-1});
}

Tensor batched(const LinearMap& map) {
  return map.kind == MapKind::shared ? insert_axes(*map.matrix, {-3}) : *map.matrix;
}

// A map as one matrix for each sample.
Tensor formed(const LinearMap& map) {
  Tensor matrix = batched(map);
  if (map.left) matrix = matrix * insert_axes(*map.left, {-1});
  return map.right ? columns_scaled(matrix, *map.right) : matrix;
}

// Sums vector[i] matrix[i, j] over i; [B or 1, rows] and [B or 1, rows, columns].
Tensor times_rows(const Tensor& vector, const Tensor& matrix) {
  return drop_axes(contraction(insert_axes(vector, {-1}), matrix, {-2}), {-2});
}

}  // namespace

LinearMap multiply(const LinearMap& second, const LinearMap& first) {
  if (second.kind == MapKind::diagonal) return with_left(first, second.left);
  if (first.kind == MapKind::diagonal) return with_right(second, first.left);
  const Diagonal middle = product(second.right, first.left);
  LinearMap result{MapKind::shared, second.rows, first.columns, second.left, {}, first.right};
  if (second.kind == MapKind::shared && first.kind == MapKind::shared && !middle) {
    result.matrix = matmul(*second.matrix, *first.matrix);
    return result;
  }
  result.kind = MapKind::per_sample;
  Tensor left = batched(second);
  if (middle) left = columns_scaled(left, *middle);
  result.matrix = matmul(left, batched(first));
  return result;
}

void add(LinearMaps& to, const LinearMap& term) {
  for (LinearMap& map : to) {
    if (map.kind != term.kind) continue;
    if (map.kind == MapKind::diagonal) {
      if (!map.left && !term.left) continue;  // two identities: without a type to add them in
      const DType dtype = term.left ? term.left->dtype() : map.left->dtype();
      const auto full = [&](const Diagonal& d) { return d ? *d : ones({1, map.rows}, dtype); };
      map.left = full(map.left) + full(term.left);
      return;
    }
    if (map.left || map.right || term.left || term.right) continue;
    map.matrix = *map.matrix + *term.matrix;
    return;
  }
  to.push_back(term);
  const auto is_matrix = [](const LinearMap& map) { return map.kind != MapKind::diagonal; };
  if (std::ranges::count_if(to, is_matrix) <= kMostMatrices) return;
  LinearMap sum_of_all{MapKind::per_sample, term.rows, term.columns, {}, {}, {}};
  for (const LinearMap& map : to)
    if (is_matrix(map))
      sum_of_all.matrix = sum_of_all.matrix ? *sum_of_all.matrix + formed(map) : formed(map);
  std::erase_if(to, is_matrix);
  to.push_back(sum_of_all);
}

Tensor trace_of_product(const LinearMap& second, const LinearMap& first, DType dtype) {
  const std::int64_t n = first.columns;
  if (second.kind == MapKind::diagonal && first.kind == MapKind::diagonal) {
    const Diagonal d = product(second.left, first.left);
    return d ? sum(*d, {-1}) : full({1}, static_cast<double>(n), dtype);
  }
  if (second.kind == MapKind::diagonal || first.kind == MapKind::diagonal) {
    const LinearMap& map = second.kind == MapKind::diagonal ? first : second;
    const Diagonal& d = second.kind == MapKind::diagonal ? second.left : first.left;
    Tensor on_diagonal = diagonal_of(batched(map));  // [B or 1, n]
    for (const Diagonal& factor : {map.left, map.right, d})
      if (factor) on_diagonal = on_diagonal * *factor;
    return sum(on_diagonal, {-1});
  }
  // sum_ij l1_i M1_ij r1_j l2_j M2_ji r2_i
  const Diagonal by_row = product(second.left, first.right);
  const Diagonal by_column = product(second.right, first.left);
  const Tensor both = batched(second) * transpose(batched(first));
  const Tensor rows = by_row ? *by_row : ones({1, n}, both.dtype());
  const Tensor by_columns = times_rows(rows, both);  // [B or 1, columns]
  return sum(by_column ? by_columns * *by_column : by_columns, {-1});
}

}  // namespace nabla
