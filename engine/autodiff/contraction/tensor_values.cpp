#include "engine/autodiff/contraction/tensor_values.h"

#include <algorithm>

#include "engine/graph/node.h"
#include "engine/graph/primitive.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

Tensor with_batch(const Tensor& x, std::int64_t samples) {
  Shape shape = x.shape();
  shape[0] = samples;
  return broadcast_to(x, shape);
}

// Do all samples share the matrix? Then it has no axis for them.
bool is_shared_matrix(const Tensor& matrix) { return matrix.rank() == 2; }

}  // namespace

bool TensorValues::is_shared_product(const Tensor& matrix) {
  if (!is_shared_matrix(matrix)) return false;
  const Node* node = &matrix.node();
  for (;;) {
    const Op op = node->primitive().op();
    if (op != Op::permute && op != Op::insert_axes && op != Op::drop_axes) return op == Op::contraction;
    node = node->inputs()[0];
  }
}

Tensor TensorValues::one() const { return ones({1, 1}, dtype); }
Tensor TensorValues::identity(std::int64_t n) const { return insert_axes(nabla::identity(n, dtype), {-3}); }
Tensor TensorValues::multiply(const Tensor& a, const Tensor& b) { return a * b; }
Tensor TensorValues::sum(const Tensor& a, const Tensor& b) { return a + b; }
Tensor TensorValues::transposed(const Tensor& x) { return transpose(x); }
Tensor TensorValues::product(const Tensor& a, const Tensor& b, bool) { return matmul(a, b); }
Tensor TensorValues::with_samples(const Tensor& matrix) { return insert_axes(matrix, {-3}); }
Tensor TensorValues::without_samples(const Tensor& matrix) { return drop_axes(matrix, {-3}); }

Tensor TensorValues::concatenate(const Tensor& a, const Tensor& b) {
  const std::int64_t samples = std::max(a.shape()[0], b.shape()[0]);
  return nabla::concatenate(std::vector<Tensor>{with_batch(a, samples), with_batch(b, samples)}, 1);
}

Tensor TensorValues::scale_rows(const Tensor& matrix, const Tensor& diagonal) {
  return matrix * (is_shared_matrix(matrix) ? transpose(diagonal) : insert_axes(diagonal, {-1}));
}

Tensor TensorValues::scale_columns(const Tensor& matrix, const Tensor& diagonal) {
  return matrix * (is_shared_matrix(matrix) ? diagonal : insert_axes(diagonal, {-2}));
}

// Vectors of all samples go through a shared matrix as rows of one product.
Tensor TensorValues::image(const LinearMap& map, const Tensor& vectors, bool transposed) {
  if (map.kind == MapKind::applied) {
    const AppliedMap& function = *map.function;
    return (transposed ? function.transposed : function.forward)(with_batch(vectors, function.samples));
  }
  const Tensor matrix = transposed ? *map.matrix : transpose(*map.matrix);
  if (!is_shared_matrix(matrix)) return matmul(vectors, matrix);
  const std::int64_t samples = vectors.shape()[0], count = vectors.shape()[1];
  return reshape(matmul(reshape(vectors, {samples * count, vectors.shape()[2]}), matrix),
                 {samples, count, matrix.shape()[-1]});
}

// Without products with what stands beside the diagonal.
Tensor TensorValues::diagonal(const Tensor& matrix) {
  const Tensor on = cast(nabla::identity(matrix.shape()[-1], DType::u8), DType::boolean);
  return nabla::sum(select(on, matrix, 0.0), {-1});
}

Tensor TensorValues::diagonal(const Tensor& left, const Tensor& right) {
  return nabla::sum(left * right, {-2});
}

Tensor TensorValues::sum_of_rows(const Tensor& weights, const Tensor& matrix) {
  if (weights.shape()[-1] == 1) return weights * nabla::sum(matrix, {-2});
  return drop_axes(contraction(insert_axes(weights, {-1}), matrix, {-2}), {-2});
}

Tensor TensorValues::sum_of_elements(const Tensor& diagonal, std::int64_t n) {
  return diagonal.shape()[-1] == n ? nabla::sum(diagonal, {-1})
                                   : drop_axes(diagonal, {-1}) * static_cast<double>(n);
}

LinearMap for_samples(const LinearMap& map, std::int64_t start, std::int64_t stop) {
  LinearMap part = map;
  const auto cut = [&](std::optional<Tensor>& x) {
    if (x && x->shape()[0] != 1) x = slice(*x, 0, start, stop);
  };
  cut(part.left);
  cut(part.right);
  if (map.kind == MapKind::per_sample) cut(part.matrix);
  return part;
}

}  // namespace nabla
