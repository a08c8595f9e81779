#pragma once

#include <cstdint>

#include "engine/backend/variants.h"

// What attention does to rows of scores between its products of matrices.

namespace nabla::cpu {

/// Rows of `keys` elements one behind the other, of the queries from `first` on.
template <class T>
struct ScoreRows {
  T* elements;
  std::int64_t rows, keys;
  std::int64_t first;
  bool causal;  ///< row i has keys 0 .. first + i alone; the others are 0
  /// What is added to the scores, or nothing; strides in elements, from the first row on.
  const T* bias;
  std::int64_t bias_row, bias_column;
  T scale;  ///< of the elements, before the bias
};

template <class T>
struct AttentionRows {
  /// Scores become weights: a softmax of each row, 0 where a row has nothing but -inf.
  using Weigh = void (*)(const ScoreRows<T>& scores);
  /// Tangents or cotangents s' of scores become factor w (s' - sum of w s') for weights w that lie in rows of
  /// the same length; s' is the scaled sum of the elements and `more`, if there is any, and the bias.
  using Derive = void (*)(const ScoreRows<T>& derivatives, const T* weights, const T* more, T factor);

  Variants<Weigh> weigh;
  Variants<Derive> derive;
};

template <class T>
AttentionRows<T> attention_rows();

}  // namespace nabla::cpu
