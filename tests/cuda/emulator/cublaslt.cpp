#include <cublasLt.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <type_traits>

#include "tests/cuda/emulator/machine.h"
#include "tests/cuda/emulator/product.h"
#include "tests/cuda/emulator/work.h"

// cuBLASLt: products by a loop. What the library refuses, or reads wrongly, is refused here.

struct cublasLtContext {};

namespace nabla::cuda::emulator {

namespace {

/// What lies in the library's opaque structures, beside what product.h has.
struct Preference {
  std::uint64_t workspace_bytes;
  std::uint32_t alignment_a, alignment_b, alignment_c, alignment_d;
};
struct Algorithm {
  std::uint64_t mark;
  std::uint64_t workspace_bytes;
  std::uint32_t alignment_a, alignment_b, alignment_c, alignment_d;
};

constexpr std::uint64_t kAlgorithmMark = 0x6162c0de;
constexpr std::uint64_t kProductWorkspaceBytes = 32 << 10;
/// Of the widest access.
constexpr std::uint32_t kLargestAlignment = 16;

template <class T, class Opaque>
T& inside(Opaque* opaque) {
  static_assert(sizeof(T) <= sizeof(Opaque) && std::is_trivially_copyable_v<T>);
  return *std::launder(reinterpret_cast<T*>(opaque->data));
}
template <class T, class Opaque>
const T& inside(const Opaque* opaque) {
  static_assert(sizeof(T) <= sizeof(Opaque) && std::is_trivially_copyable_v<T>);
  return *std::launder(reinterpret_cast<const T*>(opaque->data));
}

template <class T>
T scalar_at(const void* place) {
  T value;
  std::memcpy(&value, place, sizeof(T));
  return value;
}

template <class T>
cublasStatus_t set(T& field, const void* buffer, std::size_t bytes) {
  if (bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&field, buffer, sizeof(T));
  return CUBLAS_STATUS_SUCCESS;
}

bool is_aligned(const void* pointer, std::uint32_t bytes) {
  return std::bit_cast<std::uintptr_t>(pointer) % bytes == 0;
}

template <class F>
cublasStatus_t blas_call(const char* function, const F& f) {
  return library_call(function, CUBLAS_STATUS_EXECUTION_FAILED, f);
}

}  // namespace

}  // namespace nabla::cuda::emulator

using namespace nabla::cuda::emulator;

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  return blas_call("cublasLtCreate", [=] {
    if (machine().presence != Presence::device) return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = new cublasLtContext;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  return blas_call("cublasLtDestroy", [=] {
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
  });
}

size_t cublasLtGetVersion() { return CUBLAS_VER_MAJOR * 10000 + CUBLAS_VER_MINOR * 100 + CUBLAS_VER_PATCH; }

size_t cublasLtGetCudartVersion() { return CUDART_VERSION; }

const char* cublasLtGetStatusString(cublasStatus_t status) { return cublasLtGetStatusName(status); }

const char* cublasLtGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    default:
      return "CUBLAS_STATUS";
  }
}

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t layout, size_t, cudaDataType type,
                                                 uint64_t rows, uint64_t columns, int64_t stride) {
  *layout = {};
  inside<MatrixLayout>(layout) = {rows, columns, stride, 0, type, CUBLASLT_ORDER_COL, 1};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t stride) {
  return blas_call("cublasLtMatrixLayoutCreate", [=] {
    *layout = new cublasLtMatrixLayoutOpaque_t;
    return cublasLtMatrixLayoutInit_internal(*layout, sizeof(**layout), type, rows, columns, stride);
  });
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute, const void* buffer,
                                                size_t bytes) {
  return blas_call("cublasLtMatrixLayoutSetAttribute", [=] {
    auto& m = inside<MatrixLayout>(layout);
    switch (attribute) {
      case CUBLASLT_MATRIX_LAYOUT_ORDER:
        return set(m.order, buffer, bytes);
      case CUBLASLT_MATRIX_LAYOUT_ROWS:
        return set(m.rows, buffer, bytes);
      case CUBLASLT_MATRIX_LAYOUT_COLS:
        return set(m.columns, buffer, bytes);
      case CUBLASLT_MATRIX_LAYOUT_LD:
        return set(m.stride, buffer, bytes);
      case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
        return set(m.batches, buffer, bytes);
      case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
        return set(m.batch_stride, buffer, bytes);
      default:
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
  });
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t description, size_t,
                                               cublasComputeType_t compute, cudaDataType_t scale) {
  *description = {};
  inside<ProductDescription>(description) = {compute,     scale,       CUBLASLT_POINTER_MODE_HOST,
                                             CUBLAS_OP_N, CUBLAS_OP_N, CUBLAS_OP_N};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* description, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  return blas_call("cublasLtMatmulDescCreate", [=] {
    *description = new cublasLtMatmulDescOpaque_t;
    return cublasLtMatmulDescInit_internal(*description, sizeof(**description), compute, scale);
  });
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) {
  delete description;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t description,
                                              cublasLtMatmulDescAttributes_t attribute, const void* buffer,
                                              size_t bytes) {
  return blas_call("cublasLtMatmulDescSetAttribute", [=] {
    auto& d = inside<ProductDescription>(description);
    switch (attribute) {
      case CUBLASLT_MATMUL_DESC_TRANSA:
        return set(d.transposes_a, buffer, bytes);
      case CUBLASLT_MATMUL_DESC_TRANSB:
        return set(d.transposes_b, buffer, bytes);
      case CUBLASLT_MATMUL_DESC_TRANSC:
        return set(d.transposes_c, buffer, bytes);
      case CUBLASLT_MATMUL_DESC_POINTER_MODE:
        return set(d.pointer_mode, buffer, bytes);
      default:
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
  });
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t preference, size_t) {
  *preference = {};
  inside<Preference>(preference) = {0, 256, 256, 256, 256};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  return blas_call("cublasLtMatmulPreferenceCreate", [=] {
    *preference = new cublasLtMatmulPreferenceOpaque_t;
    return cublasLtMatmulPreferenceInit_internal(*preference, sizeof(**preference));
  });
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* buffer, size_t bytes) {
  return blas_call("cublasLtMatmulPreferenceSetAttribute", [=] {
    auto& p = inside<Preference>(preference);
    std::uint32_t ignored = 0;
    switch (attribute) {
      case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
        return set(p.workspace_bytes, buffer, bytes);
      case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
        return set(p.alignment_a, buffer, bytes);
      case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
        return set(p.alignment_b, buffer, bytes);
      case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
        return set(p.alignment_c, buffer, bytes);
      case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
        return set(p.alignment_d, buffer, bytes);
      case CUBLASLT_MATMUL_PREF_SEARCH_MODE:
      case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
        return set(ignored, buffer, bytes);
      default:
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
  });
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t description,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t results[], int* returned) {
  return blas_call("cublasLtMatmulAlgoGetHeuristic", [=] {
    *returned = 0;
    if (requested < 1) return CUBLAS_STATUS_INVALID_VALUE;
    const cublasStatus_t status =
        check(inside<ProductDescription>(description), inside<MatrixLayout>(a), inside<MatrixLayout>(b),
              inside<MatrixLayout>(c), inside<MatrixLayout>(d));
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    const auto& wanted = inside<Preference>(preference);
    const auto alignment = [](std::uint32_t offered) { return std::min(offered, kLargestAlignment); };
    results[0] = {};
    auto& algorithm = inside<Algorithm>(&results[0].algo);
    algorithm = {kAlgorithmMark,
                 wanted.workspace_bytes >= kProductWorkspaceBytes ? kProductWorkspaceBytes : 0,
                 alignment(wanted.alignment_a),
                 alignment(wanted.alignment_b),
                 alignment(wanted.alignment_c),
                 alignment(wanted.alignment_d)};
    results[0].workspaceSize = algorithm.workspace_bytes;
    results[0].state = CUBLAS_STATUS_SUCCESS;
    results[0].wavesCount = 1;
    *returned = 1;
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description, const void* alpha,
                              const void* a_at, cublasLtMatrixLayout_t a, const void* b_at,
                              cublasLtMatrixLayout_t b, const void* beta, const void* c_at,
                              cublasLtMatrixLayout_t c, void* d_at, cublasLtMatrixLayout_t d,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
  return blas_call("cublasLtMatmul", [=] {
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
    const Product p{inside<ProductDescription>(description),
                    inside<MatrixLayout>(a),
                    inside<MatrixLayout>(b),
                    inside<MatrixLayout>(c),
                    inside<MatrixLayout>(d),
                    a_at,
                    b_at,
                    c_at,
                    d_at};
    if (const cublasStatus_t status = check(p.description, p.a, p.b, p.c, p.d);
        status != CUBLAS_STATUS_SUCCESS)
      return status;
    Algorithm chosen{kAlgorithmMark, 0, 1, 1, 1, 1};
    if (algorithm != nullptr) chosen = inside<Algorithm>(algorithm);
    if (chosen.mark != kAlgorithmMark) return refuse("an algorithm that is none");
    if (workspace_bytes < chosen.workspace_bytes) return refuse("a workspace below what the algorithm needs");
    if (!is_aligned(a_at, chosen.alignment_a) || !is_aligned(b_at, chosen.alignment_b) ||
        !is_aligned(c_at, chosen.alignment_c) || !is_aligned(d_at, chosen.alignment_d))
      return refuse("a matrix less aligned than the algorithm was chosen for");
    if (workspace_bytes > 0 && chosen.workspace_bytes > 0 && !is_aligned(workspace, 256))
      return refuse("a workspace that is not aligned");
    if (p.description.pointer_mode != CUBLASLT_POINTER_MODE_HOST) return CUBLAS_STATUS_NOT_SUPPORTED;
    const bool is_f64 = p.d.type == CUDA_R_64F;
    // Read now: the call returns before it runs.
    const double alpha_value = is_f64 ? scalar_at<double>(alpha) : scalar_at<float>(alpha);
    const double beta_value = is_f64 ? scalar_at<double>(beta) : scalar_at<float>(beta);
    const std::size_t used = algorithm == nullptr ? 0 : static_cast<std::size_t>(chosen.workspace_bytes);
    const cudaError_t error = enqueue(stream_of(stream), [=] {
      run(p, alpha_value, beta_value, workspace, used);
      ++machine().counters.products_run;
    });
    return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
  });
}

}  // extern "C"
