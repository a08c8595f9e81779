#pragma once

#include <complex>
#include <cstdint>

namespace nabla::cpu {

/// c[m, n] = sum_k a[m, k] b[k, n]; strides in elements, the columns of c are adjacent. Runs on the calling
/// thread.
template <class T>
struct MatmulArguments {
  std::int64_t m, n, k;
  const T* a;
  std::int64_t a_row, a_column;
  const T* b;
  std::int64_t b_row, b_column;
  T* c;
  std::int64_t c_row;
};

void matmul(const MatmulArguments<float>& arguments);
void matmul(const MatmulArguments<double>& arguments);
void matmul(const MatmulArguments<std::complex<double>>& arguments);

/// The f32 product through oneDNN; false if it was not built in or the strides do not suit it.
bool matmul_onednn(const MatmulArguments<float>& arguments);

}  // namespace nabla::cpu
