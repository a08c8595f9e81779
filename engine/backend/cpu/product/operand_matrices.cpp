#include "engine/backend/cpu/product/operand_matrices.h"

#include <algorithm>
#include <complex>
#include <cstdlib>
#include <cstring>

#include "engine/backend/cpu/kernels/loop.h"
#include "engine/backend/cpu/threads/thread_pool.h"

namespace nabla::cpu {
namespace {

// Where elements are copied from and to.
constexpr std::size_t kFrom = 0, kTo = 1;
using CopyWalk = Walk<2>;

// Copies `q` runs along p. Where the source is dense along q instead, small tiles keep both sides in the
// first cache.
template <class T>
void copy_plane(const T* from, T* to, const CopyWalk::Axis& q, const CopyWalk::Axis& p) {
  if (p.strides[kFrom] == 1) {
    for (std::int64_t i = 0; i < q.extent; ++i)
      std::memcpy(to + i * q.strides[kTo], from + i * q.strides[kFrom],
                  static_cast<std::size_t>(p.extent) * sizeof(T));
    return;
  }
  constexpr std::int64_t kTile = 16;
  for (std::int64_t i = 0; i < q.extent; i += kTile)
    for (std::int64_t j = 0; j < p.extent; j += kTile) {
      const std::int64_t rows = std::min(kTile, q.extent - i);
      const std::int64_t columns = std::min(kTile, p.extent - j);
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t s = 0; s < columns; ++s)
          to[(i + r) * q.strides[kTo] + j + s] =
              from[(i + r) * q.strides[kFrom] + (j + s) * p.strides[kFrom]];
    }
}

// Along the innermost axis of the walk the copy is dense.
template <class T>
void copy_in_parallel(const T* from, T* to, CopyWalk walk) {
  const CopyWalk::Axis p = walk.axes().back();
  walk = walk.without(walk.rank() - 1);
  CopyWalk::Axis q{1, {0, 0}};
  if (walk.rank() > 0) {
    auto chosen = walk.axes().end() - 1;
    if (p.strides[kFrom] != 1)
      chosen = std::ranges::min_element(
          walk.axes(), {}, [](const CopyWalk::Axis& axis) { return std::abs(axis.strides[kFrom]); });
    q = *chosen;
    walk = walk.without(static_cast<int>(chosen - walk.axes().begin()));
  }
  // A task copies some of q's runs at one index of the other axes.
  const std::int64_t runs =
      std::clamp<std::int64_t>(kTaskElements / p.extent / 16 * 16, 16, q.extent < 16 ? 16 : q.extent);
  const std::int64_t pieces = (q.extent + runs - 1) / runs;
  const std::int64_t units = walk.size() * pieces;
  const std::int64_t per_task =
      std::max<std::int64_t>(1, kTaskElements / (std::min(runs, q.extent) * p.extent));
  parallel_for((units + per_task - 1) / per_task, [&](std::int64_t task) {
    for (std::int64_t unit = task * per_task; unit < std::min(units, (task + 1) * per_task); ++unit) {
      const std::int64_t start = unit % pieces * runs;
      const auto offset = [&](std::size_t side) {
        return walk.offset(unit / pieces, side) + start * q.strides[side];
      };
      copy_plane(from + offset(kFrom), to + offset(kTo), {std::min(runs, q.extent - start), q.strides}, p);
    }
  });
}

}  // namespace

MatmulShape product_shape(const ContractionRoles& roles, const MatrixStrides& left,
                          const MatrixStrides& right) {
  const std::int64_t m = roles.rows.size();
  const std::int64_t n = roles.columns.size();
  const std::int64_t c_row = m == 1 ? n : roles.rows.inner_stride(kResult, n);
  return {m, n, roles.summed.size(), left.row, left.column, right.row, right.column, c_row};
}

template <class T>
OperandMatrices<T> operand_matrices(const T* data, const ContractionWalk& batch, const ContractionWalk& rows,
                                    const ContractionWalk& columns, std::size_t operand,
                                    std::unique_ptr<Buffer>& copy) {
  const MatrixStrides strides = matrix_strides(rows, columns, operand);
  OperandMatrices<T> matrices{data, batch.of(operand), strides};
  if (strides.suit_a_product()) return matrices;

  const std::int64_t m = rows.size();
  const std::int64_t n = columns.size();
  // Both orders suit a product: the one whose innermost axis is dense already copies whole runs.
  const bool by_columns =
      std::abs(rows.inner_stride(operand, 0)) == 1 && std::abs(columns.inner_stride(operand, 0)) != 1;
  CopyWalk walk;
  const auto copy_along = [&](const ContractionWalk::Axis& axis) {
    walk.push_back({axis.extent, {axis.strides[operand], 0}});
  };
  // Along axes where it stands still the operand is copied once.
  for (const ContractionWalk::Axis& axis : batch.axes())
    if (axis.strides[operand] != 0) copy_along(axis);
  for (const ContractionWalk* group : {by_columns ? &columns : &rows, by_columns ? &rows : &columns})
    for (const ContractionWalk::Axis& axis : group->axes()) copy_along(axis);
  std::int64_t elements = 1;
  for (int i = walk.rank(); i-- > 0; elements *= walk[i].extent) walk.axes()[i].strides[kTo] = elements;
  copy = std::make_unique<Buffer>(static_cast<std::size_t>(elements) * sizeof(T));
  T* to = reinterpret_cast<T*>(copy->data());
  int at = 0;
  for (Walk<1>::Axis& axis : matrices.batch.axes())
    if (axis.strides[0] != 0) axis.strides[0] = walk[at++].strides[kTo];
  copy_in_parallel(data, to, walk);
  matrices.data = to;
  matrices.strides = by_columns ? MatrixStrides{1, m} : MatrixStrides{n, 1};
  return matrices;
}

template OperandMatrices<float> operand_matrices(const float*, const ContractionWalk&, const ContractionWalk&,
                                                 const ContractionWalk&, std::size_t,
                                                 std::unique_ptr<Buffer>&);
template OperandMatrices<double> operand_matrices(const double*, const ContractionWalk&,
                                                  const ContractionWalk&, const ContractionWalk&, std::size_t,
                                                  std::unique_ptr<Buffer>&);
template OperandMatrices<std::complex<double>> operand_matrices(const std::complex<double>*,
                                                                const ContractionWalk&,
                                                                const ContractionWalk&,
                                                                const ContractionWalk&, std::size_t,
                                                                std::unique_ptr<Buffer>&);

}  // namespace nabla::cpu
