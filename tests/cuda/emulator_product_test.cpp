#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "tests/cuda/emulator/emulator.h"

// Products and convolutions of the emulated device against loops.

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace nabla::cuda::emulator {
namespace {

template <class T>
class OnDevice {
 public:
  explicit OnDevice(const std::vector<T>& values) : count_(values.size()) {
    REQUIRE(cudaMalloc(&at_, bytes()) == cudaSuccess);
    REQUIRE(cudaMemcpy(at_, values.data(), bytes(), cudaMemcpyHostToDevice) == cudaSuccess);
  }
  ~OnDevice() { cudaFree(at_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  T* at() const { return static_cast<T*>(at_); }
  std::vector<T> values() const {
    std::vector<T> result(count_);
    REQUIRE(cudaMemcpy(result.data(), at_, bytes(), cudaMemcpyDeviceToHost) == cudaSuccess);
    return result;
  }

 private:
  std::size_t bytes() const { return count_ * sizeof(T); }
  std::size_t count_;
  void* at_ = nullptr;
};

template <class T>
std::vector<T> numbers(std::size_t count, unsigned seed) {
  std::vector<T> result(count);
  for (T& x : result) {
    seed = seed * 1664525U + 1013904223U;
    x = static_cast<T>(static_cast<double>(seed >> 8) / 0x1p23 - 1.0);
  }
  return result;
}

struct Problem {
  std::int64_t rows, columns, inner;
  int batches;
  bool is_row_order, transposes_a, transposes_b;
  bool repeats_b;  ///< one B for all of the batch
};

/// The matrices' layouts, as a caller of the library makes them.
template <class T>
class Call {
 public:
  explicit Call(const Problem& p, cublasComputeType_t compute)
      : p_(p),
        a_(p.transposes_a ? p.inner : p.rows, p.transposes_a ? p.rows : p.inner, p, false),
        b_(p.transposes_b ? p.columns : p.inner, p.transposes_b ? p.inner : p.columns, p, p.repeats_b),
        d_(p.rows, p.columns, p, false) {
    REQUIRE(cublasLtCreate(&handle_) == CUBLAS_STATUS_SUCCESS);
    REQUIRE(cublasLtMatmulDescCreate(&description_, compute, type()) == CUBLAS_STATUS_SUCCESS);
    const cublasOperation_t t = CUBLAS_OP_T;
    if (p.transposes_a) set(CUBLASLT_MATMUL_DESC_TRANSA, t);
    if (p.transposes_b) set(CUBLASLT_MATMUL_DESC_TRANSB, t);
  }
  ~Call() {
    cublasLtMatmulDescDestroy(description_);
    cublasLtDestroy(handle_);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  static cudaDataType type() { return sizeof(T) == 8 ? CUDA_R_64F : CUDA_R_32F; }

  struct Matrix {
    Matrix(std::int64_t r, std::int64_t c, const Problem& p, bool repeats) : rows(r), columns(c) {
      // With room behind each row or column, and each matrix.
      stride = (p.is_row_order ? columns : rows) + 3;
      is_row_order = p.is_row_order;
      const std::int64_t one = (p.is_row_order ? rows : columns) * stride;
      batch_stride = repeats ? 0 : one + 5;
      elements = static_cast<std::size_t>((p.batches - 1) * batch_stride + one);
      REQUIRE(cublasLtMatrixLayoutCreate(&layout, type(), static_cast<std::uint64_t>(rows),
                                         static_cast<std::uint64_t>(columns),
                                         stride) == CUBLAS_STATUS_SUCCESS);
      const std::int32_t order = p.is_row_order ? CUBLASLT_ORDER_ROW : CUBLASLT_ORDER_COL;
      const std::int32_t batches = p.batches;
      for (const cublasStatus_t status :
           {cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_ORDER, &order, sizeof(order)),
            cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batches,
                                             sizeof(batches)),
            cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                             &batch_stride, sizeof(batch_stride))})
        REQUIRE(status == CUBLAS_STATUS_SUCCESS);
    }
    ~Matrix() { cublasLtMatrixLayoutDestroy(layout); }
    Matrix(const Matrix&) = delete;
    Matrix& operator=(const Matrix&) = delete;
    std::size_t index(int batch, std::int64_t i, std::int64_t j) const {
      return static_cast<std::size_t>(batch * batch_stride +
                                      (is_row_order ? i * stride + j : j * stride + i));
    }
    std::int64_t rows, columns, stride, batch_stride;
    bool is_row_order;
    std::size_t elements;
    cublasLtMatrixLayout_t layout = nullptr;
  };

  template <class V>
  void set(cublasLtMatmulDescAttributes_t attribute, V value) {
    REQUIRE(cublasLtMatmulDescSetAttribute(description_, attribute, &value, sizeof(value)) ==
            CUBLAS_STATUS_SUCCESS);
  }

  cublasStatus_t choose(std::uint64_t workspace, cublasLtMatmulHeuristicResult_t& result) const {
    cublasLtMatmulPreference_t preference = nullptr;
    REQUIRE(cublasLtMatmulPreferenceCreate(&preference) == CUBLAS_STATUS_SUCCESS);
    REQUIRE(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                 &workspace, sizeof(workspace)) == CUBLAS_STATUS_SUCCESS);
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle_, description_, a_.layout, b_.layout, d_.layout, d_.layout, preference, 1, &result, &found);
    REQUIRE(cublasLtMatmulPreferenceDestroy(preference) == CUBLAS_STATUS_SUCCESS);
    if (status == CUBLAS_STATUS_SUCCESS) CHECK(found == 1);
    return status;
  }

  cublasStatus_t run(T alpha, const T* a, const T* b, T beta, T* d,
                     const cublasLtMatmulHeuristicResult_t& chosen, void* workspace,
                     std::size_t workspace_bytes) const {
    return cublasLtMatmul(handle_, description_, &alpha, a, a_.layout, b, b_.layout, &beta, d, d_.layout, d,
                          d_.layout, &chosen.algo, workspace, workspace_bytes, nullptr);
  }

  const Matrix& a() const { return a_; }
  const Matrix& b() const { return b_; }
  const Matrix& d() const { return d_; }

 private:
  Problem p_;
  Matrix a_, b_, d_;
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t description_ = nullptr;
};

template <class T>
void check_product(const Problem& p, cublasComputeType_t compute, double error) {
  const Call<T> call(p, compute);
  const auto a = numbers<T>(call.a().elements, 1);
  const auto b = numbers<T>(call.b().elements, 2);
  const auto before = numbers<T>(call.d().elements, 3);
  const OnDevice<T> a_at(a);
  const OnDevice<T> b_at(b);
  const OnDevice<T> d_at(before);
  const OnDevice<T> workspace(std::vector<T>(1 << 16));
  cublasLtMatmulHeuristicResult_t chosen{};
  REQUIRE(call.choose(1 << 18, chosen) == CUBLAS_STATUS_SUCCESS);
  CHECK(chosen.workspaceSize > 0);
  REQUIRE(call.run(T(2), a_at.at(), b_at.at(), T(0.5), d_at.at(), chosen, workspace.at(),
                   chosen.workspaceSize) == CUBLAS_STATUS_SUCCESS);
  REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
  const std::vector<T> d = d_at.values();
  std::vector<T> untouched = before;
  for (int batch = 0; batch < p.batches; ++batch)
    for (std::int64_t i = 0; i < p.rows; ++i)
      for (std::int64_t j = 0; j < p.columns; ++j) {
        double sum = 0;
        for (std::int64_t k = 0; k < p.inner; ++k)
          sum += static_cast<double>(
                     a[p.transposes_a ? call.a().index(batch, k, i) : call.a().index(batch, i, k)]) *
                 static_cast<double>(
                     b[p.transposes_b ? call.b().index(batch, j, k) : call.b().index(batch, k, j)]);
        const std::size_t at = call.d().index(batch, i, j);
        CHECK(std::fabs(static_cast<double>(d[at]) - (2 * sum + 0.5 * static_cast<double>(before[at]))) <=
              error * static_cast<double>(p.inner));
        untouched[at] = d[at];
      }
  CHECK(d == untouched);
  // The workspace was overwritten.
  CHECK(std::isnan(workspace.values()[0]));
}

TEST_CASE("a product is that of a loop, in all layouts and precisions") {
  for (const bool is_row_order : {false, true})
    for (const int transposes : {0, 1, 2, 3})
      for (const bool repeats_b : {false, true}) {
        const Problem p{5, 4, 7, 3, is_row_order, (transposes & 1) != 0, (transposes & 2) != 0, repeats_b};
        check_product<float>(p, CUBLAS_COMPUTE_32F, 1e-6);
        check_product<double>(p, CUBLAS_COMPUTE_64F, 1e-14);
        check_product<float>(p, CUBLAS_COMPUTE_32F_FAST_TF32, 0x1p-9);
        check_product<float>(p, CUBLAS_COMPUTE_32F_FAST_16BF, 0x1p-6);
      }
}

TEST_CASE("reduced precision rounds the operands to nearest") {
  const auto product = [](float x, cublasComputeType_t compute) {
    const Call<float> call({1, 1, 1, 1, false, false, false, false}, compute);
    std::vector<float> a(call.a().elements, x);
    const OnDevice<float> a_at(a);
    const OnDevice<float> b_at(std::vector<float>(call.b().elements, 1.0F));
    const OnDevice<float> d_at(std::vector<float>(call.d().elements, 0.0F));
    cublasLtMatmulHeuristicResult_t chosen{};
    REQUIRE(call.choose(0, chosen) == CUBLAS_STATUS_SUCCESS);
    CHECK(chosen.workspaceSize == 0);
    REQUIRE(call.run(1, a_at.at(), b_at.at(), 0, d_at.at(), chosen, nullptr, 0) == CUBLAS_STATUS_SUCCESS);
    return d_at.values()[0];
  };
  CHECK(product(1 + 0x1p-20F, CUBLAS_COMPUTE_32F) == 1 + 0x1p-20F);
  CHECK(product(1 + 0x1p-11F, CUBLAS_COMPUTE_32F_FAST_TF32) == 1.0F);
  CHECK(product(1 + 0x3p-11F, CUBLAS_COMPUTE_32F_FAST_TF32) == 1 + 0x1p-9F);
  CHECK(product(1 + 0x1.8p-11F, CUBLAS_COMPUTE_32F_FAST_TF32) == 1 + 0x1p-10F);
  CHECK(product(1 + 0x1.8p-8F, CUBLAS_COMPUTE_32F_FAST_16BF) == 1 + 0x1p-7F);
}

TEST_CASE("wrong products are refused") {
  const Problem p{4, 4, 4, 1, false, false, false, false};
  const Call<float> call(p, CUBLAS_COMPUTE_32F);
  const OnDevice<float> a(std::vector<float>(call.a().elements, 1.0F));
  const OnDevice<float> b(std::vector<float>(call.b().elements + 1, 1.0F));
  const OnDevice<float> d(std::vector<float>(call.d().elements, 1.0F));
  const OnDevice<float> workspace(std::vector<float>(1 << 16));
  cublasLtMatmulHeuristicResult_t chosen{};
  REQUIRE(call.choose(1 << 18, chosen) == CUBLAS_STATUS_SUCCESS);
  const auto run = [&](const float* left, const float* right, float* result, std::size_t bytes) {
    return call.run(1, left, right, 0, result, chosen, workspace.at(), bytes);
  };
  CHECK(run(a.at(), b.at(), d.at(), chosen.workspaceSize - 1) == CUBLAS_STATUS_INVALID_VALUE);
  // The algorithm was chosen for pointers that are better aligned.
  CHECK(run(a.at(), b.at() + 1, d.at(), chosen.workspaceSize) == CUBLAS_STATUS_INVALID_VALUE);
  // Behind the end, and onto an operand.
  for (const bool is_behind : {true, false}) {
    CHECK(run(is_behind ? a.at() + 4 : a.at(), b.at(), is_behind ? d.at() : a.at(), chosen.workspaceSize) ==
          CUBLAS_STATUS_SUCCESS);
    CHECK(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
    CHECK(last_complaint().find(is_behind ? "matrix A" : "lies on its operands") != std::string::npos);
    clear_error();
  }
  const Call<float> without_elements({4, 4, 0, 1, true, false, false, false}, CUBLAS_COMPUTE_32F);
  CHECK(without_elements.choose(0, chosen) == CUBLAS_STATUS_INVALID_VALUE);
  const Call<float> wrong_type(p, CUBLAS_COMPUTE_64F);
  CHECK(wrong_type.choose(0, chosen) == CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_CASE("convolutions and their transposes are those of a loop") {
  const int images = 2, groups = 2, channels = 4, filters = 6, h = 7, w = 6, fh = 3, fw = 2;
  const int pad[] = {1, 2}, stride[] = {2, 1}, dilation[] = {1, 2};
  const int oh = (h + 2 - 3) / 2 + 1, ow = (w + 4 - 3) / 1 + 1;
  cudnnHandle_t handle = nullptr;
  REQUIRE(cudnnCreate(&handle) == CUDNN_STATUS_SUCCESS);
  cudnnTensorDescriptor_t xd = nullptr, yd = nullptr;
  cudnnFilterDescriptor_t wd = nullptr;
  cudnnConvolutionDescriptor_t cd = nullptr;
  REQUIRE(cudnnCreateTensorDescriptor(&xd) == CUDNN_STATUS_SUCCESS);
  REQUIRE(cudnnCreateTensorDescriptor(&yd) == CUDNN_STATUS_SUCCESS);
  REQUIRE(cudnnCreateFilterDescriptor(&wd) == CUDNN_STATUS_SUCCESS);
  REQUIRE(cudnnCreateConvolutionDescriptor(&cd) == CUDNN_STATUS_SUCCESS);
  const int xe[] = {images, channels, h, w}, xs[] = {channels * h * w, h * w, w, 1};
  const int ye[] = {images, filters, oh, ow}, ys[] = {filters * oh * ow, oh * ow, ow, 1};
  const int we[] = {filters, channels / groups, fh, fw};
  REQUIRE(cudnnSetTensorNdDescriptor(xd, CUDNN_DATA_FLOAT, 4, xe, xs) == CUDNN_STATUS_SUCCESS);
  REQUIRE(cudnnSetTensorNdDescriptor(yd, CUDNN_DATA_FLOAT, 4, ye, ys) == CUDNN_STATUS_SUCCESS);
  REQUIRE(cudnnSetFilterNdDescriptor(wd, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, 4, we) == CUDNN_STATUS_SUCCESS);
  REQUIRE(cudnnSetConvolutionNdDescriptor(cd, 2, pad, stride, dilation, CUDNN_CROSS_CORRELATION,
                                          CUDNN_DATA_FLOAT) == CUDNN_STATUS_SUCCESS);
  REQUIRE(cudnnSetConvolutionGroupCount(cd, groups) == CUDNN_STATUS_SUCCESS);
  REQUIRE(cudnnSetConvolutionMathType(cd, CUDNN_FMA_MATH) == CUDNN_STATUS_SUCCESS);

  const auto x = numbers<float>(images * channels * h * w, 1);
  const auto f = numbers<float>(filters * (channels / groups) * fh * fw, 2);
  const auto y = numbers<float>(static_cast<std::size_t>(images * filters * oh * ow), 3);
  std::vector<double> y_sum(y.size()), x_sum(x.size()), f_sum(f.size());
  for (int n = 0; n < images; ++n)
    for (int k = 0; k < filters; ++k)
      for (int c = 0; c < channels / groups; ++c)
        for (int i = 0; i < oh; ++i)
          for (int j = 0; j < ow; ++j)
            for (int u = 0; u < fh; ++u)
              for (int v = 0; v < fw; ++v) {
                const int row = i * 2 - 1 + u, column = j - 2 + 2 * v;
                if (row < 0 || row >= h || column < 0 || column >= w) continue;
                const int channel = k / (filters / groups) * (channels / groups) + c;
                const auto xi = static_cast<std::size_t>(((n * channels + channel) * h + row) * w + column);
                const auto fi = static_cast<std::size_t>(((k * (channels / groups) + c) * fh + u) * fw + v);
                const auto yi = static_cast<std::size_t>(((n * filters + k) * oh + i) * ow + j);
                y_sum[yi] += static_cast<double>(x[xi]) * f[fi];
                x_sum[xi] += static_cast<double>(y[yi]) * f[fi];
                f_sum[fi] += static_cast<double>(x[xi]) * y[yi];
              }
  const auto largest_error = [](const std::vector<float>& result, const std::vector<double>& wanted) {
    double largest = 0;
    for (std::size_t i = 0; i < result.size(); ++i)
      largest = std::max(largest, std::fabs(result[i] - wanted[i]));
    return largest;
  };
  const float one = 1, zero = 0;
  std::size_t bytes = 0;
  REQUIRE(cudnnGetConvolutionForwardWorkspaceSize(handle, xd, wd, cd, yd,
                                                  CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
                                                  &bytes) == CUDNN_STATUS_SUCCESS);
  const OnDevice<float> workspace(std::vector<float>(bytes / sizeof(float)));
  const OnDevice<float> x_at(x), f_at(f), y_at(y), x_out(x), f_out(f), y_out(y);
  // Under FMA math no tensor cores are recommended; what suits a careful caller comes last.
  std::array<cudnnConvolutionFwdAlgoPerf_t, 8> recommended{};
  const auto search = [&](int& count) {
    return cudnnGetConvolutionForwardAlgorithm_v7(handle, xd, wd, cd, yd, 8, &count, recommended.data());
  };
  int found = 0;
  CHECK(search(found) == CUDNN_STATUS_SUCCESS);
  CHECK(found == 4);
  CHECK(recommended[0].determinism == CUDNN_NON_DETERMINISTIC);
  CHECK(recommended[1].memory > std::size_t{1} << 32);
  const cudnnConvolutionFwdAlgoPerf_t forward = recommended[3];
  CHECK(forward.determinism == CUDNN_DETERMINISTIC);
  CHECK(forward.mathType == CUDNN_FMA_MATH);
  CHECK(cudnnConvolutionForward(handle, &one, xd, x_at.at(), wd, f_at.at(), cd, forward.algo, workspace.at(),
                                bytes, &zero, yd, y_out.at()) == CUDNN_STATUS_SUCCESS);
  CHECK(cudnnConvolutionBackwardData(handle, &one, wd, f_at.at(), yd, y_at.at(), cd,
                                     CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, workspace.at(), bytes, &zero, xd,
                                     x_out.at()) == CUDNN_STATUS_SUCCESS);
  CHECK(cudnnConvolutionBackwardFilter(handle, &one, xd, x_at.at(), yd, y_at.at(), cd,
                                       CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, workspace.at(), bytes, &zero, wd,
                                       f_out.at()) == CUDNN_STATUS_SUCCESS);
  CHECK(largest_error(y_out.values(), y_sum) < 1e-6);
  CHECK(largest_error(x_out.values(), x_sum) < 1e-6);
  CHECK(largest_error(f_out.values(), f_sum) < 1e-6);

  // Another algorithm, or default math, which may use TF32, keeps fewer bits.
  CHECK(cudnnConvolutionForward(handle, &one, xd, x_at.at(), wd, f_at.at(), cd,
                                CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD, workspace.at(), bytes, &zero, yd,
                                y_out.at()) == CUDNN_STATUS_SUCCESS);
  CHECK(largest_error(y_out.values(), y_sum) > 1e-6);
  REQUIRE(cudnnSetConvolutionMathType(cd, CUDNN_DEFAULT_MATH) == CUDNN_STATUS_SUCCESS);
  CHECK(cudnnConvolutionForward(handle, &one, xd, x_at.at(), wd, f_at.at(), cd, forward.algo, workspace.at(),
                                bytes, &zero, yd, y_out.at()) == CUDNN_STATUS_SUCCESS);
  const double largest = largest_error(y_out.values(), y_sum);
  CHECK(largest > 1e-5);
  CHECK(largest < 1e-2);
  CHECK(cudnnConvolutionForward(handle, &one, xd, x_at.at(), wd, f_at.at(), cd, forward.algo, workspace.at(),
                                bytes - 1, &zero, yd, y_out.at()) == CUDNN_STATUS_BAD_PARAM);
  CHECK(search(found) == CUDNN_STATUS_SUCCESS);
  CHECK(found == 6);
  CHECK(recommended[3].mathType == CUDNN_TENSOR_OP_MATH);

  // An algorithm that is not known, and pointers that are not aligned.
  const auto run_forward = [&](cudnnConvolutionFwdAlgo_t algorithm, const float* data) {
    return cudnnConvolutionForward(handle, &one, xd, data, wd, f_at.at(), cd, algorithm, workspace.at(),
                                   bytes, &zero, yd, y_out.at());
  };
  CHECK(run_forward(CUDNN_CONVOLUTION_FWD_ALGO_DIRECT, x_at.at()) == CUDNN_STATUS_NOT_SUPPORTED);
  CHECK(run_forward(forward.algo, x_at.at() + 1) == CUDNN_STATUS_BAD_PARAM);

  // A search that is refused: an error, nothing, or nothing that suits.
  set_convolution_refusals(1);
  std::multiset<int> counts;
  for (int turn = 0; turn < 3; ++turn) {
    const cudnnStatus_t status = search(found);
    CHECK((status == CUDNN_STATUS_SUCCESS || status == CUDNN_STATUS_NOT_SUPPORTED));
    counts.insert(found);
  }
  CHECK(counts == std::multiset<int>{0, 0, 2});
  set_convolution_refusals(0);

  const int wrong[] = {images, filters, oh + 1, ow};
  REQUIRE(cudnnSetTensorNdDescriptor(yd, CUDNN_DATA_FLOAT, 4, wrong, ys) == CUDNN_STATUS_SUCCESS);
  CHECK(search(found) == CUDNN_STATUS_BAD_PARAM);
  CHECK(cudnnDestroyTensorDescriptor(xd) == CUDNN_STATUS_SUCCESS);
  CHECK(cudnnDestroyTensorDescriptor(yd) == CUDNN_STATUS_SUCCESS);
  CHECK(cudnnDestroyFilterDescriptor(wd) == CUDNN_STATUS_SUCCESS);
  CHECK(cudnnDestroyConvolutionDescriptor(cd) == CUDNN_STATUS_SUCCESS);
  CHECK(cudnnDestroy(handle) == CUDNN_STATUS_SUCCESS);
}

}  // namespace
}  // namespace nabla::cuda::emulator
