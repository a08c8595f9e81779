#include <algorithm>
#include <vector>

#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/loop.h"
#include "engine/backend/cpu/matmul.h"
#include "engine/backend/cpu/thread_pool.h"
#include "engine/backend/cpu/visit.h"

namespace nabla::cpu {
namespace {

// One axis of a contraction and what walks along it. Strides are 0 where an operand has extent 1.
struct Axis {
  std::int64_t extent, a, b, c;
};

// Axes by their role: batch (all three), rows (a and c), columns (b and c), summed (a, b or both).
struct Roles {
  std::vector<Axis> batch, rows, columns, summed;
};

std::int64_t count(const std::vector<Axis>& axes) {
  std::int64_t product = 1;
  for (const Axis& axis : axes) product *= axis.extent;
  return product;
}

Roles sort_axes(const KernelCall& call) {
  const Layout& a = call.inputs[0].layout;
  const Layout& b = call.inputs[1].layout;
  const Layout& c = call.output.layout;
  const int rank = c.shape.rank();
  Roles roles;
  for (int i = 0; i < rank; ++i) {
    const std::size_t at = static_cast<std::size_t>(i);
    const bool in_a = a.shape[i] != 1;
    const bool in_b = b.shape[i] != 1;
    if (!in_a && !in_b) continue;
    const Axis axis{in_a ? a.shape[i] : b.shape[i], in_a ? a.strides[at] : 0, in_b ? b.strides[at] : 0,
                    c.strides[at]};
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

// Several axes walk like one if each stride is the next one's times its extent. A missing group is one of
// extent 1.
bool walks_as_one(const std::vector<Axis>& axes, std::int64_t Axis::*operand) {
  for (std::size_t i = 0; i + 1 < axes.size(); ++i)
    if (axes[i].*operand != axes[i + 1].*operand * axes[i + 1].extent) return false;
  return true;
}
std::int64_t innermost_stride(const std::vector<Axis>& axes, std::int64_t Axis::*operand,
                              std::int64_t if_none) {
  return axes.empty() ? if_none : axes.back().*operand;
}

// Keeps the innermost axes that walk through the result as one; the others go to `batch`.
void move_outer_axes(std::vector<Axis>& axes, std::vector<Axis>& batch) {
  std::size_t first = axes.empty() ? 0 : axes.size() - 1;
  while (first > 0 && axes[first - 1].c == axes[first].c * axes[first].extent) --first;
  batch.insert(batch.end(), axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(first));
  axes.erase(axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(first));
}

std::int64_t offset_of(const std::vector<Axis>& axes, std::int64_t index, std::int64_t Axis::*operand) {
  std::int64_t offset = 0;
  for (std::size_t i = axes.size(); i-- > 0;) {
    offset += index % axes[i].extent * (axes[i].*operand);
    index /= axes[i].extent;
  }
  return offset;
}

// A matrix in memory: where each batch starts, and its two strides.
template <class T>
struct Matrix {
  T* data;
  std::int64_t row, column;
};

// An operand's matrix for one batch index; copied to dense memory if its axes do not walk as one.
template <class T>
class OperandMatrices {
 public:
  OperandMatrices(const T* data, const Roles& roles, const std::vector<Axis>& rows,
                  const std::vector<Axis>& columns, std::int64_t Axis::*operand)
      : data_(data), roles_(roles), rows_(rows), columns_(columns), operand_(operand) {
    row_ = innermost_stride(rows, operand, 0);
    column_ = innermost_stride(columns, operand, 0);
    // A matrix with a single row or column may claim any stride for it.
    if (count(columns) == 1) column_ = 1;
    if (count(rows) == 1) row_ = column_ == 1 ? count(columns) : 1;
    packed_ = !walks_as_one(rows, operand) || !walks_as_one(columns, operand) ||
              (row_ != 1 && column_ != 1) || row_ <= 0 || column_ <= 0;
  }

  Matrix<const T> at(std::int64_t batch, std::vector<T>& scratch) const {
    const T* start = data_ + offset_of(roles_.batch, batch, operand_);
    if (!packed_) return {start, row_, column_};
    const std::int64_t m = count(rows_);
    const std::int64_t n = count(columns_);
    scratch.resize(static_cast<std::size_t>(m * n));
    const std::int64_t inner = columns_.empty() ? 1 : columns_.back().extent;
    const std::int64_t stride = innermost_stride(columns_, operand_, 0);
    for (std::int64_t i = 0; i < m; ++i) {
      const T* row = start + offset_of(rows_, i, operand_);
      for (std::int64_t j = 0; j < n; j += inner) {
        const T* run = row + offset_of(columns_, j, operand_);
        T* to = scratch.data() + i * n + j;
        for (std::int64_t q = 0; q < inner; ++q) to[q] = run[q * stride];
      }
    }
    return {scratch.data(), n, 1};
  }

 private:
  const T* data_;
  const Roles& roles_;
  const std::vector<Axis>& rows_;
  const std::vector<Axis>& columns_;
  std::int64_t Axis::*operand_;
  std::int64_t row_, column_;
  bool packed_;
};

// Few results from long sums: products and sums side by side, without matrices.
template <class T>
void by_dot_products(const Roles& roles, const T* a, const T* b, T* c) {
  const std::int64_t m = count(roles.rows);
  const std::int64_t n = count(roles.columns);
  const std::int64_t k = count(roles.summed);
  const std::int64_t inner = roles.summed.empty() ? 1 : roles.summed.back().extent;
  const std::int64_t sa = innermost_stride(roles.summed, &Axis::a, 0);
  const std::int64_t sb = innermost_stride(roles.summed, &Axis::b, 0);
  const std::int64_t results = count(roles.batch) * m * n;
  const std::int64_t per_task = std::max<std::int64_t>(1, kTaskElements / std::max<std::int64_t>(1, k));
  parallel_for((results + per_task - 1) / per_task, [&](std::int64_t task) {
    for (std::int64_t r = task * per_task; r < std::min(results, (task + 1) * per_task); ++r) {
      const std::int64_t batch = r / (m * n);
      const std::int64_t i = r / n % m;
      const std::int64_t j = r % n;
      const T* left = a + offset_of(roles.batch, batch, &Axis::a) + offset_of(roles.rows, i, &Axis::a);
      const T* right = b + offset_of(roles.batch, batch, &Axis::b) + offset_of(roles.columns, j, &Axis::b);
      T total{};
      for (std::int64_t p = 0; p < k; p += inner) {
        const T* x = left + offset_of(roles.summed, p, &Axis::a);
        const T* y = right + offset_of(roles.summed, p, &Axis::b);
        constexpr std::int64_t kLanes = 8;
        T lanes[kLanes] = {};
        std::int64_t q = 0;
        for (; q + kLanes <= inner; q += kLanes)
          for (std::int64_t l = 0; l < kLanes; ++l) lanes[l] += x[(q + l) * sa] * y[(q + l) * sb];
        for (; q < inner; ++q) lanes[0] += x[q * sa] * y[q * sb];
        T sum{};
        for (const T lane : lanes) sum += lane;
        total += sum;
      }
      c[offset_of(roles.batch, batch, &Axis::c) + offset_of(roles.rows, i, &Axis::c) +
        offset_of(roles.columns, j, &Axis::c)] = total;
    }
  });
}

// How many blocks one product is cut into, by its size alone.
std::int64_t blocks_of(std::int64_t m, std::int64_t n, std::int64_t k) {
  const double operations = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  if (operations < 1e6) return 1;
  return operations < 16e6 ? 2 : (operations < 1e9 ? 4 : 16);
}

template <class T>
void contraction_typed(const KernelCall& call) {
  Roles roles = sort_axes(call);
  const T* a = call.inputs[0].data<const T>();
  const T* b = call.inputs[1].data<const T>();
  T* c = call.output.data<T>();
  if (call.output.shape().size() == 0) return;

  // Outer rows or columns that do not walk through the result as one with the inner ones are looped over like
  // a batch, along which the other operand stands still.
  move_outer_axes(roles.rows, roles.batch);
  move_outer_axes(roles.columns, roles.batch);
  // The columns of the result must be its dense axis: else compute the transpose.
  const auto dense_columns = [](const Roles& r) { return innermost_stride(r.columns, &Axis::c, 1) == 1; };
  if (!dense_columns(roles)) {
    std::swap(a, b);
    std::swap(roles.rows, roles.columns);
    for (std::vector<Axis>* axes : {&roles.batch, &roles.rows, &roles.columns, &roles.summed})
      for (Axis& axis : *axes) std::swap(axis.a, axis.b);
  }
  const std::int64_t m = count(roles.rows);
  const std::int64_t n = count(roles.columns);
  const std::int64_t k = count(roles.summed);
  if (!dense_columns(roles) || m * n <= 16 || k == 0) return by_dot_products(roles, a, b, c);

  const std::int64_t batches = count(roles.batch);
  const std::int64_t c_row = m == 1 ? n : innermost_stride(roles.rows, &Axis::c, n);
  const OperandMatrices<T> left(a, roles, roles.rows, roles.summed, &Axis::a);
  const OperandMatrices<T> right(b, roles, roles.summed, roles.columns, &Axis::b);
  if (batches > 1) {
    // Bundle small products into tasks.
    const std::int64_t per_task = std::clamp<std::int64_t>(500000 / (2 * m * n * k), 1, batches);
    parallel_for((batches + per_task - 1) / per_task, [&](std::int64_t task) {
      std::vector<T> left_scratch;
      std::vector<T> right_scratch;
      for (std::int64_t i = task * per_task; i < std::min(batches, (task + 1) * per_task); ++i) {
        const Matrix<const T> x = left.at(i, left_scratch);
        const Matrix<const T> y = right.at(i, right_scratch);
        matmul({m, n, k, x.data, x.row, x.column, y.data, y.row, y.column,
                c + offset_of(roles.batch, i, &Axis::c), c_row});
      }
    });
    return;
  }
  std::vector<T> left_scratch;
  std::vector<T> right_scratch;
  const Matrix<const T> x = left.at(0, left_scratch);
  const Matrix<const T> y = right.at(0, right_scratch);
  const std::int64_t blocks = blocks_of(m, n, k);
  const bool by_rows = m >= n;
  const std::int64_t whole = by_rows ? m : n;
  // Multiples of 16 suit the registers of every kernel.
  const std::int64_t size = std::max<std::int64_t>(16, ((whole + blocks - 1) / blocks + 15) / 16 * 16);
  parallel_for((whole + size - 1) / size, [&](std::int64_t task) {
    const std::int64_t start = task * size;
    const std::int64_t extent = std::min(size, whole - start);
    if (by_rows) {
      matmul({extent, n, k, x.data + start * x.row, x.row, x.column, y.data, y.row, y.column,
              c + start * c_row, c_row});
    } else {
      matmul({m, extent, k, x.data, x.row, x.column, y.data + start * y.column, y.row, y.column, c + start,
              c_row});
    }
  });
}

}  // namespace

void add_contraction_kernels(KernelTable& table) {
  table["contraction"] = [](const KernelCall& call) {
    visit_floating("contraction", call.output.dtype,
                   [&](auto type) { contraction_typed<typename decltype(type)::type>(call); });
  };
}

}  // namespace nabla::cpu
