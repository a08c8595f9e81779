#pragma once

#include "engine/tensor/tensor.h"

namespace nabla::nn {

/// Sines and cosines of a time in [0, 1] at fixed frequencies, geometric from a quarter of a turn to
/// `highest_turns` turns over the interval (Tancik et al., "Fourier features", 2020; the ladder is that of
/// sinusoidal encodings).
class FourierFeatures {
 public:
  /// @throws Error if count < 1 or highest_turns < 1/4.
  FourierFeatures(std::int64_t count, double highest_turns, DType dtype);

  /// t: [.., 1] -> [.., 2 count].
  Tensor operator()(const Tensor& t) const;
  std::int64_t outputs() const { return 2 * frequencies_.shape()[-1]; }

 private:
  Tensor frequencies_;  // [1, count], in radians
};

}  // namespace nabla::nn
