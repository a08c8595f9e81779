#include "uncertainty/symmetric_spectrum.h"

#include <span>

#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"

namespace nabla::uncertainty {
namespace {

// Calls f(matrix, n) with the symmetric part of each matrix, on all threads.
template <class F>
auto for_each_symmetric(const Tensor& matrices, F f) {
  const Tensor wide = cast(matrices, DType::f64);
  const Tensor symmetric = (wide + transpose(wide)) * 0.5;
  const std::span<const double> values = symmetric.data<double>();
  const std::size_t n = matrices.shape()[1];
  std::vector<decltype(f(values, n))> results(static_cast<std::size_t>(matrices.shape()[0]));
  cpu::parallel_for(matrices.shape()[0], [&](std::int64_t task) {
    const std::size_t b = task;
    results[b] = f(values.subspan(b * n * n, n * n), n);
  });
  return results;
}

}  // namespace

std::vector<std::vector<double>> symmetric_spectra(const Tensor& matrices) {
  return for_each_symmetric(matrices, &symmetric_eigenvalues);
}

std::vector<SymmetricEigen> symmetric_factors(const Tensor& matrices) {
  return for_each_symmetric(matrices, &symmetric_eigen);
}

}  // namespace nabla::uncertainty
