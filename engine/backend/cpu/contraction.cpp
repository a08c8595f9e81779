#include <algorithm>
#include <bit>
#include <complex>
#include <memory>

#include "engine/backend/cpu/contraction_axes.h"
#include "engine/backend/cpu/dot_products.h"
#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/matmul.h"
#include "engine/backend/cpu/operand_matrices.h"
#include "engine/backend/cpu/thread_pool.h"
#include "engine/backend/cpu/visit.h"

namespace nabla::cpu {
namespace {

ContractionRoles sort_axes(const KernelCall& call) {
  const Layout& a = call.inputs[0].layout;
  const Layout& b = call.inputs[1].layout;
  const Layout& c = call.output.layout;
  const int rank = c.shape.rank();
  ContractionRoles roles;
  for (int i = 0; i < rank; ++i) {
    const std::size_t at = static_cast<std::size_t>(i);
    const bool in_a = a.shape[i] != 1;
    const bool in_b = b.shape[i] != 1;
    if (!in_a && !in_b) continue;
    const ContractionAxis axis{in_a ? a.shape[i] : b.shape[i], in_a ? a.strides[at] : 0,
                               in_b ? b.strides[at] : 0, c.strides[at]};
    if (call.attributes.contains(i - rank)) {
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

// How one product is cut, by its size and layout alone. Blocks of many rows spare copies of b, which a
// kernel makes for each block; those of a transposed b cost most.
struct Grid {
  std::int64_t rows, columns;
};
Grid grid_of(std::int64_t m, std::int64_t n, std::int64_t k, bool b_transposed) {
  const double operations = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  if (operations < 1e6) return {1, 1};
  std::int64_t blocks = operations < 16e6 ? 2 : 4;
  if (operations > 4e9) blocks = static_cast<std::int64_t>(operations / 5e8);
  // Counts are powers of two, which most numbers of threads share evenly.
  const auto parts = [](std::int64_t extent, std::int64_t fewest, std::int64_t most) {
    const std::int64_t count = std::clamp<std::int64_t>(extent / fewest, 1, most);
    return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(count)));
  };
  const bool small = operations < 16e6;
  const std::int64_t rows = parts(m, small ? 16 : (m < 512 ? 128 : 192), blocks);
  const std::int64_t columns = b_transposed && rows > 1 ? 1 : parts(n, small ? 16 : 64, blocks / rows);
  return {rows, columns};
}

// Where block i of `blocks` starts. Multiples of 16 suit the registers of every kernel.
std::int64_t start_of_block(std::int64_t i, std::int64_t blocks, std::int64_t extent) {
  return i == blocks ? extent : (i * extent / blocks + 8) / 16 * 16;
}

template <class T>
void by_matrix_products(const ContractionRoles& roles, const T* a, const T* b, T* c) {
  const std::int64_t m = count(roles.rows);
  const std::int64_t n = count(roles.columns);
  const std::int64_t k = count(roles.summed);
  std::unique_ptr<Buffer> left_copy;
  std::unique_ptr<Buffer> right_copy;
  const OperandMatrices<T> left =
      operand_matrices(a, roles.batch, roles.rows, roles.summed, &ContractionAxis::a, left_copy);
  const OperandMatrices<T> right =
      operand_matrices(b, roles.batch, roles.summed, roles.columns, &ContractionAxis::b, right_copy);
  const std::int64_t c_row = m == 1 ? n : innermost_stride(roles.rows, &ContractionAxis::c, n);

  const std::int64_t batches = count(roles.batch);
  const Grid grid = grid_of(m, n, k, right.row == 1 && right.column != 1);
  const std::int64_t blocks = grid.rows * grid.columns;
  // Small products are bundled.
  const std::int64_t per_task =
      blocks > 1 ? 1 : std::clamp<std::int64_t>(500000 / (2 * m * n * k), 1, batches);
  const std::int64_t units = batches * blocks;
  parallel_for((units + per_task - 1) / per_task, [&](std::int64_t task) {
    for (std::int64_t unit = task * per_task; unit < std::min(units, (task + 1) * per_task); ++unit) {
      const std::int64_t batch = unit / blocks;
      const std::int64_t at_row = unit % blocks / grid.columns;
      const std::int64_t at_column = unit % grid.columns;
      const std::int64_t i = start_of_block(at_row, grid.rows, m);
      const std::int64_t j = start_of_block(at_column, grid.columns, n);
      matmul({start_of_block(at_row + 1, grid.rows, m) - i,
              start_of_block(at_column + 1, grid.columns, n) - j, k, left.at(batch) + i * left.row, left.row,
              left.column, right.at(batch) + j * right.column, right.row, right.column,
              c + offset_of(roles.batch, batch, &ContractionAxis::c) + i * c_row + j, c_row});
    }
  });
}

template <class T>
void contraction_typed(const KernelCall& call) {
  ContractionRoles roles = sort_axes(call);
  const T* a = call.inputs[0].data<const T>();
  const T* b = call.inputs[1].data<const T>();
  T* c = call.output.data<T>();
  if (call.output.shape().size() == 0) return;

  // Outer rows or columns that do not walk through the result as one with the inner ones are looped over like
  // a batch, along which the other operand stands still.
  move_outer_axes(roles.rows, roles.batch);
  move_outer_axes(roles.columns, roles.batch);
  // The columns of the result must be its dense axis: else compute the transpose.
  const auto dense_columns = [](const ContractionRoles& r) {
    return innermost_stride(r.columns, &ContractionAxis::c, 1) == 1;
  };
  if (!dense_columns(roles)) {
    std::swap(a, b);
    std::swap(roles.rows, roles.columns);
    for (ContractionAxes* axes : {&roles.batch, &roles.rows, &roles.columns, &roles.summed})
      for (ContractionAxis& axis : *axes) std::swap(axis.a, axis.b);
  }
  const std::int64_t m = count(roles.rows);
  const std::int64_t n = count(roles.columns);
  const std::int64_t k = count(roles.summed);
  const bool dense_sums = innermost_stride(roles.summed, &ContractionAxis::a, 1) == 1 &&
                          innermost_stride(roles.summed, &ContractionAxis::b, 1) == 1;
  if (!dense_columns(roles) || m * n <= 16 || k == 0 || (std::min(m, n) == 1 && dense_sums))
    return by_dot_products(roles, a, b, c);
  if (k == 1 && walks_as_one(roles.columns, &ContractionAxis::b) &&
      innermost_stride(roles.columns, &ContractionAxis::b, 1) == 1)
    return by_scaled_rows(roles, a, b, c);
  by_matrix_products(roles, a, b, c);
}

}  // namespace

void add_contraction_kernels(KernelTable& table) {
  table["contraction"] = [](const KernelCall& call) {
    visit_floating("contraction", call.output.dtype,
                   [&](auto type) { contraction_typed<typename decltype(type)::type>(call); });
  };
}

}  // namespace nabla::cpu
