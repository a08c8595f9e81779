#include "tests/cuda/emulator/product.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tests/cuda/emulator/arithmetic.h"
#include "tests/cuda/emulator/machine.h"
#include "tests/cuda/emulator/memory.h"

namespace nabla::cuda::emulator {

namespace {

std::size_t bytes_of(cudaDataType type) {
  switch (type) {
    case CUDA_R_32F:
      return 4;
    case CUDA_R_64F:
      return 8;
    default:
      return 0;
  }
}

/// Elements from the first one of a matrix to behind the last one of the batch.
std::int64_t extent(const MatrixLayout& m) {
  const auto rows = static_cast<std::int64_t>(m.rows);
  const auto columns = static_cast<std::int64_t>(m.columns);
  const std::int64_t one =
      m.order == CUBLASLT_ORDER_ROW ? (rows - 1) * m.stride + columns : (columns - 1) * m.stride + rows;
  return (m.batches - 1) * m.batch_stride + one;
}

void reach(const MatrixLayout& m, const void* at, const char* name) {
  const auto bytes = static_cast<std::size_t>(extent(m)) * bytes_of(m.type);
  if (!device_memory().reach(at, bytes))
    throw Failure{cudaErrorIllegalAddress, "matrix " + std::string(name) + " of a product, " +
                                               std::to_string(bytes) +
                                               " bytes, does not lie in a live allocation"};
}

bool overlaps(const MatrixLayout& m, const void* at, const void* other, std::size_t other_bytes) {
  const auto begin = std::bit_cast<std::uintptr_t>(at);
  const auto other_begin = std::bit_cast<std::uintptr_t>(other);
  return begin < other_begin + other_bytes &&
         other_begin < begin + static_cast<std::size_t>(extent(m)) * bytes_of(m.type);
}

template <class T>
struct Elements {
  const MatrixLayout& layout;
  bool is_transposed;

  std::int64_t at(std::int64_t batch, std::int64_t row, std::int64_t column) const {
    if (is_transposed) std::swap(row, column);
    const bool is_row_order = layout.order == CUBLASLT_ORDER_ROW;
    return batch * layout.batch_stride +
           (is_row_order ? row * layout.stride + column : column * layout.stride + row);
  }
};

template <class T>
void multiply(const Product& p, T alpha, T beta) {
  const Elements<T> a{p.a, p.description.transposes_a != CUBLAS_OP_N};
  const Elements<T> b{p.b, p.description.transposes_b != CUBLAS_OP_N};
  const Elements<T> c{p.c, false};
  const Elements<T> d{p.d, false};
  const auto rows = static_cast<std::int64_t>(p.d.rows);
  const auto columns = static_cast<std::int64_t>(p.d.columns);
  const auto inner = static_cast<std::int64_t>(a.is_transposed ? p.a.rows : p.a.columns);
  const cublasComputeType_t compute = p.description.compute;
  const int bits = compute == CUBLAS_COMPUTE_32F_FAST_TF32   ? 10
                   : compute == CUBLAS_COMPUTE_32F_FAST_16BF ? 7
                                                             : kAllBits;
  const auto* x = static_cast<const T*>(p.a_at);
  const auto* y = static_cast<const T*>(p.b_at);
  std::vector<double> right(inner * columns);
  std::vector<double> sums(columns);
  for (std::int64_t batch = 0; batch < p.d.batches; ++batch) {
    for (std::int64_t k = 0; k < inner; ++k)
      for (std::int64_t j = 0; j < columns; ++j) right[k * columns + j] = rounded(y[b.at(batch, k, j)], bits);
    for (std::int64_t i = 0; i < rows; ++i) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t k = 0; k < inner; ++k) {
        const double factor = rounded(x[a.at(batch, i, k)], bits);
        const double* row = right.data() + k * columns;
        for (std::int64_t j = 0; j < columns; ++j) sums[j] += factor * row[j];
      }
      for (std::int64_t j = 0; j < columns; ++j) {
        const T product = alpha * static_cast<T>(sums[j]);
        // What is multiplied by a beta of 0 is not read.
        static_cast<T*>(p.d_at)[d.at(batch, i, j)] =
            beta == T(0) ? product : product + beta * static_cast<const T*>(p.c_at)[c.at(batch, i, j)];
      }
    }
  }
}

}  // namespace

cublasStatus_t refuse(const char* why) {
  complain(std::string("cuBLASLt: ") + why);
  return CUBLAS_STATUS_INVALID_VALUE;
}

// One matrix behind the other, or the lines of all of them in turn.
bool lie_apart(const MatrixLayout& m) {
  const auto line = static_cast<std::int64_t>(m.order == CUBLASLT_ORDER_ROW ? m.columns : m.rows);
  const std::int64_t one = extent(MatrixLayout{m.rows, m.columns, m.stride, 0, m.type, m.order, 1});
  return m.batch_stride >= one ||
         (m.batch_stride >= line && (m.batches - 1) * m.batch_stride + line <= m.stride);
}

cublasStatus_t check(const ProductDescription& description, const MatrixLayout& a, const MatrixLayout& b,
                     const MatrixLayout& c, const MatrixLayout& d) {
  const bool is_f64 = description.compute == CUBLAS_COMPUTE_64F;
  const cudaDataType type = is_f64 ? CUDA_R_64F : CUDA_R_32F;
  const bool is_known = is_f64 || description.compute == CUBLAS_COMPUTE_32F ||
                        description.compute == CUBLAS_COMPUTE_32F_PEDANTIC ||
                        description.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ||
                        description.compute == CUBLAS_COMPUTE_32F_FAST_16BF;
  if (!is_known || description.scale != type || description.transposes_c != CUBLAS_OP_N)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  for (const MatrixLayout* m : {&a, &b, &c, &d}) {
    if (m->type != type) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (m->order != CUBLASLT_ORDER_COL && m->order != CUBLASLT_ORDER_ROW) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (m->rows == 0 || m->columns == 0) return refuse("a matrix without elements");
    const std::uint64_t dense = m->order == CUBLASLT_ORDER_ROW ? m->columns : m->rows;
    if (m->stride < static_cast<std::int64_t>(dense))
      return refuse("a leading dimension below the rows (columns) of its matrix");
    if (m->batches != d.batches || m->batches < 1) return refuse("batches of different sizes");
  }
  const bool ta = description.transposes_a != CUBLAS_OP_N;
  const bool tb = description.transposes_b != CUBLAS_OP_N;
  if ((ta ? a.columns : a.rows) != d.rows || (tb ? b.rows : b.columns) != d.columns ||
      (ta ? a.rows : a.columns) != (tb ? b.columns : b.rows) || c.rows != d.rows || c.columns != d.columns)
    return refuse("matrices that do not fit each other");
  if (c.order != d.order) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (d.batches > 1 && !lie_apart(d)) return refuse("results of a batch that lie on each other");
  return CUBLAS_STATUS_SUCCESS;
}

void run(const Product& p, double alpha, double beta, void* workspace, std::size_t used) {
  reach(p.a, p.a_at, "A");
  reach(p.b, p.b_at, "B");
  reach(p.d, p.d_at, "D");
  if (beta != 0.0) reach(p.c, p.c_at, "C");
  if (used > 0) {
    if (!device_memory().reach(workspace, used))
      throw Failure{cudaErrorIllegalAddress, "a product's workspace does not lie in a live allocation"};
    if (overlaps(p.a, p.a_at, workspace, used) || overlaps(p.b, p.b_at, workspace, used) ||
        overlaps(p.d, p.d_at, workspace, used))
      throw Failure{cudaErrorIllegalAddress, "a product's workspace lies on its matrices"};
    std::memset(workspace, 0xff, used);
  }
  const std::size_t result_bytes = static_cast<std::size_t>(extent(p.d)) * bytes_of(p.d.type);
  if (overlaps(p.a, p.a_at, p.d_at, result_bytes) || overlaps(p.b, p.b_at, p.d_at, result_bytes))
    throw Failure{cudaErrorIllegalAddress, "a product's result lies on its operands"};
  if (p.d.type == CUDA_R_64F) multiply<double>(p, alpha, beta);
  if (p.d.type == CUDA_R_32F) multiply<float>(p, static_cast<float>(alpha), static_cast<float>(beta));
}

}  // namespace nabla::cuda::emulator
