#include "engine/backend/contraction_axes.h"

#include <algorithm>
#include <utility>

namespace nabla {
namespace {

ContractionRoles sort_axes(const Layout& a, const Layout& b, const Layout& c, const Attributes& summed) {
  const int rank = c.shape.rank();
  ContractionRoles roles;
  for (int i = 0; i < rank; ++i) {
    const bool in_a = a.shape[i] != 1;
    const bool in_b = b.shape[i] != 1;
    if (!in_a && !in_b) continue;
    const ContractionWalk::Axis axis{
        in_a ? a.shape[i] : b.shape[i],
        {in_a ? a.strides[i] : 0, in_b ? b.strides[i] : 0, summed.contains(i - rank) ? 0 : c.strides[i]}};
    if (summed.contains(i - rank)) {
      roles.summed.push_back(axis);
    } else if (in_a && in_b) {
      roles.batch.push_back(axis);
    } else if (in_a) {
      roles.rows.push_back(axis);
    } else {
      roles.columns.push_back(axis);
    }
  }
  return roles;
}

// Keeps the innermost axes that walk through the result as one; the others go to `batch`.
void move_outer_axes(ContractionWalk& walk, ContractionWalk& batch) {
  int first = std::max(0, walk.rank() - 1);
  while (first > 0 && walk[first - 1].strides[kResult] == walk[first].strides[kResult] * walk[first].extent)
    --first;
  for (const ContractionWalk::Axis& axis : walk.axes().first(first)) batch.push_back(axis);
  walk = walk.without_first(first);
}

SortedContraction::Form form_of(const ContractionRoles& roles, bool dense_columns) {
  using enum SortedContraction::Form;
  const std::int64_t m = roles.rows.size();
  const std::int64_t n = roles.columns.size();
  const std::int64_t k = roles.summed.size();
  const bool dense_sums = roles.summed.inner_stride(kLeft) == 1 && roles.summed.inner_stride(kRight) == 1;
  if (!dense_columns || m * n <= 16 || k == 0 || (std::min(m, n) == 1 && dense_sums)) return dot_products;
  if (k == 1 && roles.columns.is_one_axis(kRight) && roles.columns.inner_stride(kRight) == 1)
    return scaled_rows;
  return matrix_products;
}

}  // namespace

MatrixStrides matrix_strides(const ContractionWalk& rows, const ContractionWalk& columns,
                             std::size_t operand) {
  if (!rows.is_one_axis(operand) || !columns.is_one_axis(operand)) return {0, 0};
  MatrixStrides strides{rows.inner_stride(operand, 0), columns.inner_stride(operand, 0)};
  // A matrix with a single row or column may claim any stride for it.
  if (columns.size() == 1) strides.column = 1;
  if (rows.size() == 1) strides.row = strides.column == 1 ? columns.size() : 1;
  return strides;
}

SortedContraction sort_contraction(const Layout& a, const Layout& b, const Layout& c,
                                   const Attributes& summed) {
  SortedContraction sorted{sort_axes(a, b, c, summed), false, {}};
  ContractionRoles& roles = sorted.roles;
  // Outer rows or columns that do not walk through the result as one with the inner ones are looped over like
  // a batch, along which the other operand stands still.
  move_outer_axes(roles.rows, roles.batch);
  move_outer_axes(roles.columns, roles.batch);
  // The columns of the result must be its dense axis: else compute the transpose.
  const auto dense_columns = [&] { return roles.columns.inner_stride(kResult) == 1; };
  if (!dense_columns()) {
    sorted.swapped = true;
    std::swap(roles.rows, roles.columns);
    for (ContractionWalk* walk : {&roles.batch, &roles.rows, &roles.columns, &roles.summed})
      for (ContractionWalk::Axis& axis : walk->axes()) std::swap(axis.strides[kLeft], axis.strides[kRight]);
  }
  sorted.form = form_of(roles, dense_columns());
  return sorted;
}

}  // namespace nabla
