#include "engine/backend/cuda/product.h"

#include <map>
#include <string>

#include "engine/backend/cuda/context.h"
#include "engine/tensor/error.h"

namespace nabla::cuda {
namespace {

cudaDataType_t element_type(const ProductShape& shape) {
  return shape.type == DType::f64 ? CUDA_R_64F : CUDA_R_32F;
}

cublasComputeType_t compute_type(const ProductShape& shape) {
  if (shape.type == DType::f64) return CUBLAS_COMPUTE_64F;
  switch (shape.precision) {
    case ProductPrecision::tf32:
      return CUBLAS_COMPUTE_32F_FAST_TF32;
    case ProductPrecision::bf16:
      return CUBLAS_COMPUTE_32F_FAST_16BF;
    case ProductPrecision::f32:
      break;
  }
  return CUBLAS_COMPUTE_32F;
}

// cuBLASLt's matrices lie column by column, so ours are their own transposes: it computes c^T = b^T a^T. A
// matrix whose rows are adjacent elements needs no more; one whose columns are is transposed by the product.
struct Lying {
  bool transposed;
  std::int64_t lines, line;  // number of lines of adjacent elements, and elements in each
  std::int64_t step;         // from line to line
};
Lying lying(const MatrixBatch& matrix, std::int64_t rows, std::int64_t columns) {
  if (matrix.column == 1 && matrix.row >= columns) return {false, rows, columns, matrix.row};
  return {true, columns, rows, matrix.column};
}

template <class T>
void set(const MatrixLayout& layout, cublasLtMatrixLayoutAttribute_t which, T value) {
  check(cublasLtMatrixLayoutSetAttribute(layout.get(), which, &value, sizeof(value)),
        "cublasLtMatrixLayoutSetAttribute");
}
template <class T>
void set(const MatmulDescription& description, cublasLtMatmulDescAttributes_t which, T value) {
  check(cublasLtMatmulDescSetAttribute(description.get(), which, &value, sizeof(value)),
        "cublasLtMatmulDescSetAttribute");
}
template <class T>
void set(const MatmulPreference& preference, cublasLtMatmulPreferenceAttributes_t which, T value) {
  check(cublasLtMatmulPreferenceSetAttribute(preference.get(), which, &value, sizeof(value)),
        "cublasLtMatmulPreferenceSetAttribute");
}

MatrixLayout layout_of(const ProductShape& shape, const MatrixBatch& matrix, const Lying& lies) {
  MatrixLayout layout;
  check(
      cublasLtMatrixLayoutCreate(layout.address(), element_type(shape), static_cast<std::uint64_t>(lies.line),
                                 static_cast<std::uint64_t>(lies.lines), lies.step),
      "cublasLtMatrixLayoutCreate");
  set(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<std::int32_t>(shape.batch));
  set(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, matrix.batch);
  return layout;
}

std::string text_of(const ProductShape& x) {
  return "[" + std::to_string(x.batch) + ", " + std::to_string(x.m) + ", " + std::to_string(x.k) +
         "] times [" + std::to_string(x.batch) + ", " + std::to_string(x.k) + ", " + std::to_string(x.n) +
         "] of " + std::string(name_of(x.type));
}

}  // namespace

Product::Product(const ProductShape& shape) : type_(shape.type) {
  check(cublasLtMatmulDescCreate(description_.address(), compute_type(shape), element_type(shape)),
        "cublasLtMatmulDescCreate");
  const Lying a = lying(shape.a, shape.m, shape.k);
  const Lying b = lying(shape.b, shape.k, shape.n);
  // The first operand of c^T = b^T a^T is b.
  set(description_, CUBLASLT_MATMUL_DESC_TRANSA, b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(description_, CUBLASLT_MATMUL_DESC_TRANSB, a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  a_ = layout_of(shape, shape.a, a);
  b_ = layout_of(shape, shape.b, b);
  c_ = layout_of(shape, shape.c, {false, shape.m, shape.n, shape.c.row});

  MatmulPreference preference;
  check(cublasLtMatmulPreferenceCreate(preference.address()), "cublasLtMatmulPreferenceCreate");
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, Context::kWorkspaceBytes);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(shape.b_alignment));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(shape.a_alignment));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(shape.c_alignment));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(shape.c_alignment));
  cublasLtMatmulHeuristicResult_t recommendation{};
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(Context::instance().blas(), description_.get(), b_.get(), a_.get(),
                                     c_.get(), c_.get(), preference.get(), 1, &recommendation, &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED ||
      (status == CUBLAS_STATUS_SUCCESS && (count == 0 || recommendation.state != CUBLAS_STATUS_SUCCESS)))
    throw Error("contraction: cuBLASLt has no algorithm for " + text_of(shape));
  check(status, "contraction of " + text_of(shape));
  algorithm_ = recommendation.algo;
  workspace_bytes_ = recommendation.workspaceSize;
}

void Product::run(const std::byte* a, const std::byte* b, std::byte* c, std::byte* workspace) const {
  const Context& context = Context::instance();
  const float one_f32 = 1;
  const float zero_f32 = 0;
  const double one_f64 = 1;
  const double zero_f64 = 0;
  const bool is_f64 = type_ == DType::f64;
  const void* const one = is_f64 ? static_cast<const void*>(&one_f64) : &one_f32;
  const void* const zero = is_f64 ? static_cast<const void*>(&zero_f64) : &zero_f32;
  check(cublasLtMatmul(context.blas(), description_.get(), one, b, b_.get(), a, a_.get(), zero, c, c_.get(),
                       c, c_.get(), &algorithm_, workspace, workspace_bytes_, context.recording_stream()),
        "contraction");
}

std::shared_ptr<const Product> product_of(const ProductShape& shape) {
  static std::map<ProductShape, std::weak_ptr<const Product>>& products =
      *new std::map<ProductShape, std::weak_ptr<const Product>>;
  std::weak_ptr<const Product>& entry = products[shape];
  std::shared_ptr<const Product> product = entry.lock();
  if (!product) entry = product = std::make_shared<const Product>(shape);
  return product;
}

}  // namespace nabla::cuda
