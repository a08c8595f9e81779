#pragma once

#include "engine/autodiff/contraction/linear_map.h"

namespace nabla {

/// Builds the tensors of linear maps: operations of LinearMapAlgebra. Shapes are those of LinearMapOf, those
/// of vectors [B or 1, k, n], of matrices [B or 1, rows, columns] or, where all samples share one, [rows,
/// columns].
struct TensorValues {
  using Value = Tensor;
  using Map = LinearMap;
  using Function = std::shared_ptr<const AppliedMap>;

  DType dtype;

  /// Asks whether x differs between samples; not of matrices without an axis for them.
  static bool varies(const Tensor& x) { return x.shape()[0] != 1; }
  /// Asks whether a diagonal scales all elements alike.
  static bool is_uniform(const Tensor& diagonal) { return diagonal.shape()[-1] == 1; }
  /// Counts vectors.
  static std::int64_t count(const Tensor& vectors) { return vectors.shape()[1]; }
  /// Says what a diagonal is beside a map.
  static std::optional<Tensor> side(const Tensor& diagonal) { return diagonal; }
  /// Asks whether a trace of maps of so many rows is taken of their product the other way round.
  static bool swaps_trace(std::int64_t second, std::int64_t first) { return second > first; }
  /// Asks whether a matrix is a product of matrices that all samples share.
  static bool is_shared_product(const Tensor& matrix);

  /// Makes a diagonal of ones, [1, 1].
  Tensor one() const;
  /// Makes an identity, [1, n, n].
  Tensor identity(std::int64_t n) const;
  /// Multiplies element by element.
  static Tensor multiply(const Tensor& a, const Tensor& b);
  static Tensor sum(const Tensor& a, const Tensor& b);
  /// Puts the vectors b behind the vectors a.
  static Tensor concatenate(const Tensor& a, const Tensor& b);
  static Tensor transposed(const Tensor& x);
  /// Multiplies matrices; what it counts as matters only where it is counted.
  static Tensor product(const Tensor& a, const Tensor& b, bool is_varying = false);
  static Tensor scale_rows(const Tensor& matrix, const Tensor& diagonal);
  static Tensor scale_columns(const Tensor& matrix, const Tensor& diagonal);
  /// Gives a shared matrix an axis for samples, or takes it away.
  static Tensor with_samples(const Tensor& matrix);
  static Tensor without_samples(const Tensor& matrix);

  /// Sends vectors through the matrix or the function of a map, without what stands beside it.
  static Tensor image(const LinearMap& map, const Tensor& vectors, bool transposed);
  /// Makes the function of a map that needs those of both.
  template <class Forward, class Transposed>
  static Function function(const LinearMap& a, const LinearMap& b, Forward forward, Transposed transposed) {
    return std::make_shared<AppliedMap>(AppliedMap{forward, transposed, a.function->samples,
                                                   a.function->operations + b.function->operations});
  }

  /// Takes the diagonal of a matrix, or of the sum of outer products of vectors: [B or 1, n].
  static Tensor diagonal(const Tensor& matrix);
  static Tensor diagonal(const Tensor& left, const Tensor& right);
  /// Sums weights[i] matrix[i, j] over i; [B or 1, rows or 1] and [B or 1, rows, columns].
  static Tensor sum_of_rows(const Tensor& weights, const Tensor& matrix);
  /// Sums a diagonal of n elements, which may be one for all.
  static Tensor sum_of_elements(const Tensor& diagonal, std::int64_t n);

  /// Where work on single elements would be counted.
  static void count_vector(bool, double) {}
  static void count_matrix(bool, double) {}
  static void count_form(double) {}
};

}  // namespace nabla
