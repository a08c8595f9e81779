#include "engine/spectral/block_vectors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/plan/evaluate.h"
#include "engine/spectral/dense/symmetric_eigenvalues.h"

namespace nabla {
namespace {

Tensor without_part_in(const Tensor& basis, const Tensor& block) {
  return basis.defined() ? block - combine(inner_products(block, basis), basis) : block;
}

// Directions of length 1, and zeros in place of those not longer than `shortest`.
Tensor of_unit_length(const Tensor& block, double shortest) {
  const Tensor length = insert_axes(lengths(block), {-1});
  const Tensor is_kept = greater(length, shortest);
  return select(is_kept, cast(cast(block, DType::f64) / select(is_kept, length, 1.0), block.dtype()), 0.0);
}

// Makes unit directions, or zeros, orthonormal among each other.
OrthonormalBlock orthonormalise(const Tensor& block) {
  const std::size_t count = block.shape()[0];
  const std::size_t samples = block.shape()[1];
  const Tensor gram = cast(inner_products(block, block), DType::f64);
  evaluate({block, gram});
  const std::span<const double> products = gram.data<double>();
  const double dependent = 16 * static_cast<double>(count) * precision_of(block.dtype());
  std::vector<double> coefficients(samples * count * count, 0.0);
  std::vector<char> nonzero(samples * count, 0);
  for (std::size_t b = 0; b < samples; ++b) {
    const SymmetricEigen eigen = symmetric_eigen(products.subspan(b * count * count, count * count), count);
    for (std::size_t i = 0; i < count; ++i) {
      if (!(eigen.values[i] > dependent)) continue;
      nonzero[b * count + i] = 1;
      const double factor = 1 / std::sqrt(eigen.values[i]);
      for (std::size_t j = 0; j < count; ++j)
        coefficients[(b * count + i) * count + j] = eigen.vectors[i * count + j] * factor;
    }
  }
  const Tensor turn =
      cast(tensor(coefficients, Shape{block.shape()[1], block.shape()[0], block.shape()[0]}), block.dtype());
  return {combine(turn, block).detach(), std::move(nonzero)};
}

}  // namespace

std::vector<double> factors_to_one(std::span<const double> sizes, DType dtype) {
  const int most = dtype == DType::f64 ? 1022 : 126;  // of which the reciprocal is a normal number too
  std::vector<double> factors;
  for (const double size : sizes)
    factors.push_back(
        size > 0 && std::isfinite(size) ? std::ldexp(1.0, std::clamp(-std::ilogb(size), -most, most)) : 1.0);
  return factors;
}

Tensor lengths(const Tensor& vectors) {
  const Tensor wide = cast(vectors, DType::f64);
  const Tensor largest = reduce_max(abs(wide), {-1}, true);
  const Tensor scale = select(greater(largest, 0.0), largest, 1.0);
  return drop_axes(sqrt(sum(square(wide / scale), {-1}, true)) * scale, {-1});
}

Tensor inner_products(const Tensor& a, const Tensor& b) { return einsum("kbd,mbd->bkm", a, b); }

Tensor combine(const Tensor& coefficients, const Tensor& a) {
  return einsum("bnm,mbd->nbd", coefficients, a);
}

double precision_of(DType dtype) {
  return dtype == DType::f64 ? std::numeric_limits<double>::epsilon()
                             : static_cast<double>(std::numeric_limits<float>::epsilon());
}

bool OrthonormalBlock::any() const {
  return std::any_of(nonzero.begin(), nonzero.end(), [](char is) { return is != 0; });
}

OrthonormalBlock orthonormal_beside(const Tensor& block, const Tensor& basis, double shortest) {
  // Of a direction that shrinks to this, hardly more than rounding errors is new.
  const double lost = 128 * precision_of(block.dtype());
  const Tensor outside = of_unit_length(without_part_in(basis, of_unit_length(block, shortest)), lost);
  // What still loses half of its length was such an error.
  const OrthonormalBlock first = orthonormalise(of_unit_length(without_part_in(basis, outside), 0.5));
  return orthonormalise(of_unit_length(without_part_in(basis, first.directions), 0.5));
}

}  // namespace nabla
