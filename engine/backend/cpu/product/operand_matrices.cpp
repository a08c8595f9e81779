#include "engine/backend/cpu/product/operand_matrices.h"

#include <algorithm>
#include <complex>
#include <cstdlib>
#include <cstring>

#include "engine/backend/cpu/kernels/loop.h"
#include "engine/backend/cpu/threads/thread_pool.h"

namespace nabla::cpu {
namespace {

struct CopyAxis {
  std::int64_t extent, from, to;
};

// Copies `q` runs along p. Where the source is dense along q instead, small tiles keep both sides in the
// first cache.
template <class T>
void copy_plane(const T* from, T* to, const CopyAxis& q, const CopyAxis& p) {
  if (p.from == 1) {
    for (std::int64_t i = 0; i < q.extent; ++i)
      std::memcpy(to + i * q.to, from + i * q.from, static_cast<std::size_t>(p.extent) * sizeof(T));
    return;
  }
  constexpr std::int64_t kTile = 16;
  for (std::int64_t i = 0; i < q.extent; i += kTile)
    for (std::int64_t j = 0; j < p.extent; j += kTile) {
      const std::int64_t rows = std::min(kTile, q.extent - i);
      const std::int64_t columns = std::min(kTile, p.extent - j);
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t s = 0; s < columns; ++s)
          to[(i + r) * q.to + j + s] = from[(i + r) * q.from + (j + s) * p.from];
    }
}

// `axes` outermost first; along the last one the copy is dense.
template <class T>
void copy_in_parallel(const T* from, T* to, std::vector<CopyAxis> axes) {
  const CopyAxis p = axes.back();
  axes.pop_back();
  CopyAxis q{1, 0, 0};
  if (!axes.empty()) {
    auto chosen = axes.end() - 1;
    if (p.from != 1)
      chosen = std::ranges::min_element(axes, {}, [](const CopyAxis& x) { return std::abs(x.from); });
    q = *chosen;
    axes.erase(chosen);
  }
  // A task copies some of q's runs at one index of the other axes.
  const std::int64_t runs =
      std::clamp<std::int64_t>(kTaskElements / p.extent / 16 * 16, 16, q.extent < 16 ? 16 : q.extent);
  const std::int64_t pieces = (q.extent + runs - 1) / runs;
  std::int64_t planes = 1;
  for (const CopyAxis& axis : axes) planes *= axis.extent;
  const std::int64_t units = planes * pieces;
  const std::int64_t per_task =
      std::max<std::int64_t>(1, kTaskElements / (std::min(runs, q.extent) * p.extent));
  parallel_for((units + per_task - 1) / per_task, [&](std::int64_t task) {
    for (std::int64_t unit = task * per_task; unit < std::min(units, (task + 1) * per_task); ++unit) {
      const std::int64_t start = unit % pieces * runs;
      std::int64_t rest = unit / pieces;
      std::int64_t from_offset = start * q.from;
      std::int64_t to_offset = start * q.to;
      for (std::size_t i = axes.size(); i-- > 0;) {
        from_offset += rest % axes[i].extent * axes[i].from;
        to_offset += rest % axes[i].extent * axes[i].to;
        rest /= axes[i].extent;
      }
      copy_plane(from + from_offset, to + to_offset, {std::min(runs, q.extent - start), q.from, q.to}, p);
    }
  });
}

}  // namespace

MatmulShape product_shape(const ContractionRoles& roles, const MatrixStrides& left,
                          const MatrixStrides& right) {
  const std::int64_t m = count(roles.rows);
  const std::int64_t n = count(roles.columns);
  const std::int64_t c_row = m == 1 ? n : innermost_stride(roles.rows, &ContractionAxis::c, n);
  return {m, n, count(roles.summed), left.row, left.column, right.row, right.column, c_row};
}

template <class T>
OperandMatrices<T> operand_matrices(const T* data, const ContractionAxes& batch, const ContractionAxes& rows,
                                    const ContractionAxes& columns, AxisStride operand,
                                    std::unique_ptr<Buffer>& copy) {
  const MatrixStrides strides = matrix_strides(rows, columns, operand);
  OperandMatrices<T> matrices{data, batch, operand, strides};
  if (strides.suit_a_product()) return matrices;

  const std::int64_t m = count(rows);
  const std::int64_t n = count(columns);
  // Both orders suit a product: the one whose innermost axis is dense already copies whole runs.
  const bool by_columns = std::abs(innermost_stride(rows, operand, 0)) == 1 &&
                          std::abs(innermost_stride(columns, operand, 0)) != 1;
  std::vector<CopyAxis> axes;
  for (const ContractionAxis& axis : batch)
    if (axis.*operand != 0) axes.push_back({axis.extent, axis.*operand, 0});
  for (const ContractionAxes* group : {by_columns ? &columns : &rows, by_columns ? &rows : &columns})
    for (const ContractionAxis& axis : *group) axes.push_back({axis.extent, axis.*operand, 0});
  std::int64_t elements = 1;
  for (std::size_t i = axes.size(); i-- > 0; elements *= axes[i].extent) axes[i].to = elements;
  copy = std::make_unique<Buffer>(static_cast<std::size_t>(elements) * sizeof(T));
  T* to = reinterpret_cast<T*>(copy->data());
  std::size_t at = 0;
  for (ContractionAxis& axis : matrices.batch)
    if (axis.*operand != 0) axis.*operand = axes[at++].to;
  copy_in_parallel(data, to, std::move(axes));
  matrices.data = to;
  matrices.strides = by_columns ? MatrixStrides{1, m} : MatrixStrides{n, 1};
  return matrices;
}

template OperandMatrices<float> operand_matrices(const float*, const ContractionAxes&, const ContractionAxes&,
                                                 const ContractionAxes&, AxisStride,
                                                 std::unique_ptr<Buffer>&);
template OperandMatrices<double> operand_matrices(const double*, const ContractionAxes&,
                                                  const ContractionAxes&, const ContractionAxes&, AxisStride,
                                                  std::unique_ptr<Buffer>&);
template OperandMatrices<std::complex<double>> operand_matrices(const std::complex<double>*,
                                                                const ContractionAxes&,
                                                                const ContractionAxes&,
                                                                const ContractionAxes&, AxisStride,
                                                                std::unique_ptr<Buffer>&);

}  // namespace nabla::cpu
