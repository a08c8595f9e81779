#include "engine/backend/contraction_axes.h"

#include <algorithm>
#include <utility>

namespace nabla {
namespace {

ContractionRoles sort_axes(const Layout& a, const Layout& b, const Layout& c, const Attributes& summed) {
  const int rank = c.shape.rank();
  ContractionRoles roles;
  for (int i = 0; i < rank; ++i) {
    const std::size_t at = i;
    const bool in_a = a.shape[i] != 1;
    const bool in_b = b.shape[i] != 1;
    if (!in_a && !in_b) continue;
    const ContractionAxis axis{in_a ? a.shape[i] : b.shape[i], in_a ? a.strides[at] : 0,
                               in_b ? b.strides[at] : 0, c.strides[at]};
    if (summed.contains(i - rank)) {
      roles.summed.push_back({axis.extent, axis.a, axis.b, 0});
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
void move_outer_axes(ContractionAxes& axes, ContractionAxes& batch) {
  std::size_t first = axes.empty() ? 0 : axes.size() - 1;
  while (first > 0 && axes[first - 1].c == axes[first].c * axes[first].extent) --first;
  batch.insert(batch.end(), axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(first));
  axes.erase(axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(first));
}

SortedContraction::Form form_of(const ContractionRoles& roles, bool dense_columns) {
  using enum SortedContraction::Form;
  const std::int64_t m = count(roles.rows);
  const std::int64_t n = count(roles.columns);
  const std::int64_t k = count(roles.summed);
  const bool dense_sums = innermost_stride(roles.summed, &ContractionAxis::a, 1) == 1 &&
                          innermost_stride(roles.summed, &ContractionAxis::b, 1) == 1;
  if (!dense_columns || m * n <= 16 || k == 0 || (std::min(m, n) == 1 && dense_sums)) return dot_products;
  if (k == 1 && walks_as_one(roles.columns, &ContractionAxis::b) &&
      innermost_stride(roles.columns, &ContractionAxis::b, 1) == 1)
    return scaled_rows;
  return matrix_products;
}

}  // namespace

MatrixStrides matrix_strides(const ContractionAxes& rows, const ContractionAxes& columns,
                             AxisStride operand) {
  if (!walks_as_one(rows, operand) || !walks_as_one(columns, operand)) return {0, 0};
  MatrixStrides strides{innermost_stride(rows, operand, 0), innermost_stride(columns, operand, 0)};
  // A matrix with a single row or column may claim any stride for it.
  if (count(columns) == 1) strides.column = 1;
  if (count(rows) == 1) strides.row = strides.column == 1 ? count(columns) : 1;
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
  const auto dense_columns = [&] { return innermost_stride(roles.columns, &ContractionAxis::c, 1) == 1; };
  if (!dense_columns()) {
    sorted.swapped = true;
    std::swap(roles.rows, roles.columns);
    for (ContractionAxes* axes : {&roles.batch, &roles.rows, &roles.columns, &roles.summed})
      for (ContractionAxis& axis : *axes) std::swap(axis.a, axis.b);
  }
  sorted.form = form_of(roles, dense_columns());
  return sorted;
}

}  // namespace nabla
