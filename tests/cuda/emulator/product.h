#pragma once

#include <cublasLt.h>

#include <cstddef>
#include <cstdint>

// Products of matrices by a loop.

namespace nabla::cuda::emulator {

/// A matrix, or a batch of them.
struct MatrixLayout {
  std::uint64_t rows, columns;
  std::int64_t stride;
  std::int64_t batch_stride;
  cudaDataType type;
  std::int32_t order;
  std::int32_t batches;
};
/// What of a product is not a matrix.
struct ProductDescription {
  cublasComputeType_t compute;
  cudaDataType scale;
  std::int32_t pointer_mode;
  std::int32_t transposes_a, transposes_b, transposes_c;
};
struct Product {
  ProductDescription description;
  MatrixLayout a, b, c, d;
  const void *a_at, *b_at, *c_at;
  void* d_at;
};

/// Types, extents and strides: what the library refuses, or reads wrongly, is refused here.
cublasStatus_t check(const ProductDescription& description, const MatrixLayout& a, const MatrixLayout& b,
                     const MatrixLayout& c, const MatrixLayout& d);
/// Notes why a call is refused.
cublasStatus_t refuse(const char* why);

/// D = alpha A B + beta C, after `used` bytes of the workspace have been overwritten. Sums are f64: in what
/// order a device adds is open. @throws Failure for memory that is not there, or that overlaps.
void run(const Product& p, double alpha, double beta, void* workspace, std::size_t used);

}  // namespace nabla::cuda::emulator
