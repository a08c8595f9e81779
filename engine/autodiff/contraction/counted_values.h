#pragma once

#include <algorithm>

#include "engine/autodiff/contraction/contraction_cost.h"
#include "engine/autodiff/contraction/linear_map.h"

namespace nabla {

/// What is known of a tensor of a linear map before any element is: a matrix, or vectors as its rows.
struct CountedValue {
  std::int64_t rows = 1, columns = 1;
  bool varies = false;  ///< between samples
  friend auto operator<=>(const CountedValue&, const CountedValue&) = default;
};

/// A map without its tensors; an applied one is the operations of one vector of a sample.
using CountedMap = LinearMapOf<CountedValue, double>;

inline bool varies(const std::optional<CountedValue>& value) { return value && value->varies; }

/// Describes the tensors of a map. Diagonals beside it that all samples share are left out.
CountedMap counted(const LinearMap& map);

/// Counts what TensorValues builds: the operations of LinearMapAlgebra on sizes alone.
struct CountedValues {
  using Value = CountedValue;
  using Map = CountedMap;
  using Function = double;

  EliminationCost cost = {};
  ElementCosts costs = {};

  static bool varies(const CountedValue& x) { return x.varies; }
  static bool is_uniform(const CountedValue& diagonal) { return diagonal.columns == 1; }
  static std::int64_t count(const CountedValue& vectors) { return vectors.rows; }

  /// What all samples share beside a map counts as nothing.
  static std::optional<CountedValue> side(const CountedValue& diagonal) {
    return diagonal.varies ? std::optional(diagonal) : std::nullopt;
  }
  /// An order counts as it is written.
  static bool swaps_trace(std::int64_t, std::int64_t) { return false; }
  static bool is_shared_product(const CountedValue&) { return false; }

  static CountedValue one() { return {}; }
  static CountedValue identity(std::int64_t n) { return {n, n}; }
  static CountedValue multiply(const CountedValue& a, const CountedValue& b) { return broadcast(a, b); }
  static CountedValue sum(const CountedValue& a, const CountedValue& b) { return broadcast(a, b); }
  static CountedValue concatenate(const CountedValue& a, const CountedValue& b) {
    return {a.rows + b.rows, a.columns, a.varies || b.varies};
  }
  static CountedValue transposed(const CountedValue& x) { return {x.columns, x.rows, x.varies}; }
  /// `is_varying`: does it count for each sample whatever the operands do?
  CountedValue product(const CountedValue& a, const CountedValue& b, bool is_varying = false) {
    const CountedValue result{a.rows, b.columns, a.varies || b.varies};
    count(2 * static_cast<double>(a.rows) * static_cast<double>(a.columns) * static_cast<double>(b.columns),
          is_varying || result.varies);
    return result;
  }
  static CountedValue scale_rows(const CountedValue& matrix, const CountedValue& diagonal) {
    return {matrix.rows, matrix.columns, matrix.varies || diagonal.varies};
  }
  static CountedValue scale_columns(const CountedValue& matrix, const CountedValue& diagonal) {
    return scale_rows(matrix, diagonal);
  }
  static CountedValue with_samples(const CountedValue& matrix) { return matrix; }
  static CountedValue without_samples(const CountedValue& matrix) { return matrix; }

  CountedValue image(const CountedMap& map, const CountedValue& vectors, bool transpose) {
    if (map.kind != MapKind::applied)
      return product(vectors, transpose ? *map.matrix : transposed(*map.matrix));
    count(static_cast<double>(vectors.rows) * map.function, true);
    return {vectors.rows, transpose ? map.columns : map.rows, true};
  }
  template <class Forward, class Transposed>
  static double function(const CountedMap& a, const CountedMap& b, Forward, Transposed) {
    return a.function + b.function;
  }

  static CountedValue diagonal(const CountedValue& matrix) { return {1, matrix.columns, matrix.varies}; }
  static CountedValue diagonal(const CountedValue& left, const CountedValue& right) {
    return {1, left.columns, left.varies || right.varies};
  }
  static CountedValue sum_of_rows(const CountedValue& weights, const CountedValue& matrix) {
    return {1, matrix.columns, weights.varies || matrix.varies};
  }
  static CountedValue sum_of_elements(const CountedValue& diagonal, std::int64_t) {
    return {1, 1, diagonal.varies};
  }

  /// Counts work on single elements of vectors and matrices.
  void count_vector(bool is_varying, double elements) {
    if (is_varying) cost.per_sample += costs.vector * elements;
  }
  void count_matrix(bool is_varying, double elements) { count(costs.matrix * elements, is_varying); }
  /// Counts a bilinear form with a shared matrix.
  void count_form(double elements) { cost.per_sample += 2 * elements; }

 private:
  static CountedValue broadcast(const CountedValue& a, const CountedValue& b) {
    return {std::max(a.rows, b.rows), std::max(a.columns, b.columns), a.varies || b.varies};
  }
  void count(double operations, bool is_varying) { (is_varying ? cost.per_sample : cost.once) += operations; }
};

}  // namespace nabla
