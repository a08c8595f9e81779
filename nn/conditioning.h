#pragma once

#include <cstdint>
#include <optional>

#include "nn/activation.h"
#include "nn/embedding.h"
#include "nn/fourier_features.h"
#include "nn/linear.h"

// What a network f(x, t) knows beside its samples: a time, the gap to a second one, a class.

namespace nabla::nn {

/// Refuses times that do not fit samples x [B, ..]: t is [B, 1] or [1, 1], and `gap`, which is r - t, alike;
/// it is given if and only if there is a second time. @throws Error naming `what`.
void require_times(const char* what, const Tensor& x, const Tensor& t, const std::optional<Tensor>& gap,
                   bool second_time);

struct ConditioningOptions {
  std::int64_t width = 64;
  std::int64_t frequencies = 16;
  double highest_turns = 8;
  bool second_time = false;
  std::int64_t classes = 0;  ///< 0 for none
  Activation activation = Activation::silu;
  DType dtype = DType::f32;
};

/// The part of a network's options that says what it knows beside its samples.
template <class NetworkOptions>
ConditioningOptions conditioning_of(const NetworkOptions& options) {
  return {.width = options.embedding,
          .frequencies = options.frequencies,
          .highest_turns = options.highest_turns,
          .second_time = options.second_time,
          .classes = options.classes,
          .activation = options.activation,
          .dtype = options.dtype};
}

/// Times and class in one vector, e = act(f(t) W^T + b + f(r - t) V^T + c[class]), with FourierFeatures f.
/// The class `classes` stands for none, as classifier-free guidance needs it (Ho and Salimans, arXiv
/// 2207.12598, algorithm 1). Parameters are "time.weight", "time.bias", "gap.weight" and "class.weight"
/// [classes + 1, width].
class Conditioning : public Module {
 public:
  /// @throws Error for a width below 1, a negative number of classes, and as FourierFeatures does.
  Conditioning(const Tensor& key, const ConditioningOptions& options);

  /// For samples x [B, ..]: t and gap as require_times has them, and classes [B] or [1] of an integer type,
  /// none where none are given -> [B, width], or [1, width] where all is shared.
  /// @throws Error naming `what` where shapes do not fit, or classes are given to a network without;
  /// evaluation throws for a class outside [0, classes].
  Tensor operator()(const char* what, const Tensor& x, const Tensor& t, const std::optional<Tensor>& gap,
                    const std::optional<Tensor>& classes) const;

 private:
  ConditioningOptions options_;
  FourierFeatures features_;
  Linear time_;
  std::optional<Linear> gap_;
  std::optional<Embedding> class_;
};

}  // namespace nabla::nn
