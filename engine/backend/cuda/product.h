#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/backend/cuda/handle.h"
#include "engine/backend/device.h"
#include "engine/tensor/dtype.h"

namespace nabla::cuda {

/// Where element (i, j) of matrix number q of a batch lies: at q * batch + i * row + j * column elements.
struct MatrixBatch {
  std::int64_t row, column, batch;
  auto operator<=>(const MatrixBatch&) const = default;
};

/// A batch of products c[m, n] = sum_k a[m, k] b[k, n]. One of the strides row and column of a and of b is 1
/// and the other covers a line; the columns of c are adjacent.
struct ProductShape {
  std::int64_t m, n, k, batch;
  MatrixBatch a, b, c;
  DType type;  ///< f32 or f64
  ProductPrecision precision;
  std::int64_t a_alignment, b_alignment, c_alignment;  ///< of the first elements, in bytes
  auto operator<=>(const ProductShape&) const = default;
};

/// A product as cuBLASLt is to do it: descriptions and the algorithm it recommends for this GPU.
class Product {
 public:
  /// @throws Error naming the shape where cuBLASLt knows no algorithm.
  explicit Product(const ProductShape& shape);
  bool uses_workspace() const { return workspace_bytes_ > 0; }
  /// Puts it on the recording stream.
  void run(const std::byte* a, const std::byte* b, std::byte* c, std::byte* workspace) const;

 private:
  DType type_;
  MatmulDescription description_;
  MatrixLayout a_, b_, c_;
  cublasLtMatmulAlgo_t algorithm_{};
  std::size_t workspace_bytes_ = 0;
};

/// Made once for each shape; equal products of all plans share it. Under the evaluation lock.
std::shared_ptr<const Product> product_of(const ProductShape& shape);

}  // namespace nabla::cuda
