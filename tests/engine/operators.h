#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/spectral/linear_operator.h"
#include "tests/engine/numbers.h"

// Operators and fields whose spectra are known.

namespace nabla::test {

/// An orthogonal matrix [n, n] f64 as a product of reflections.
inline Tensor orthogonal(std::int64_t n, std::uint64_t seed) {
  Tensor q = identity(n, DType::f64);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Tensor v = normal(random_key(seed * 100 + i), Shape{n, 1}, DType::f64);
    q = matmul(q, identity(n, DType::f64) - matmul(v, transpose(v)) * 2 / sum(square(v)));
  }
  return q.detach();
}

/// Q_b diag(values_b) Q_b^T for each row of values: [B, n, n].
inline Tensor symmetric_with(const std::vector<std::vector<double>>& values) {
  std::vector<Tensor> matrices;
  for (std::size_t b = 0; b < values.size(); ++b) {
    const std::int64_t n = static_cast<std::int64_t>(values[b].size());
    const Tensor q = orthogonal(n, b + 1);
    matrices.push_back(matmul(q * tensor(values[b], Shape{1, n}), transpose(q)));
  }
  return stack(matrices).detach();
}

/// Multiplication of samples [B, n] by matrices [B, m, n].
inline LinearOperator matrix_operator(const Tensor& matrices, DType dtype = DType::f64) {
  const Tensor m = cast(matrices, dtype).detach();
  const auto times = [](const Tensor& by) {
    return [by](const Tensor& v) { return drop_axes(matmul(by, insert_axes(v, {-1})), {-1}); };
  };
  return {times(m), times(transpose(m)), Shape{m.shape()[0], m.shape()[2]}, Shape{m.shape()[0], m.shape()[1]},
          dtype};
}

}  // namespace nabla::test
