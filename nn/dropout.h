#pragma once

#include <optional>
#include <source_location>

#include "engine/tensor/tensor.h"

namespace nabla::nn {

/// Zeroes elements at random while a network is trained, and divides the others by the share that is kept, so
/// that means stay what they are (Srivastava et al., "Dropout", 2014; scaled as in PyTorch's Dropout). It has
/// no parameters. Which elements are zeroed follows from the key alone: tangents and cotangents see the same
/// ones.
class Dropout {
 public:
  /// Zeroes with this probability. @throws Error unless it is in [0, 1).
  explicit Dropout(double probability);

  /// x of any shape and floating type, of the same shape. A key is to be used for one call; without one, in
  /// evaluation, x is returned as it is.
  Tensor operator()(const Tensor& x, const std::optional<Tensor>& key = std::nullopt,
                    std::source_location where = std::source_location::current()) const;

  double probability() const { return probability_; }

 private:
  double probability_;
};

}  // namespace nabla::nn
