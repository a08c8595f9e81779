#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "examples/digits/model.h"

namespace nabla::digits {

/// The course of one kind of loss, per pixel, one number for each step.
struct LossCurve {
  std::string name;
  std::vector<double> values;
  /// The mean over the last tenth of the steps.
  double final_mean() const;
};

/// The training of one network on dequantised images, step by step: conditional flow matching or MeanFlow on
/// the linear path, AdamW, a moving average of the parameters. A step depends on nothing but its number, the
/// key and the state, so that a training that goes on from a saved state is the same to the last bit.
class Training {
 public:
  /// Trains on the images of `data` that are not held out; it must outlive the training. Initial weights
  /// follow from `initial_key`, all noise from `key`.
  Training(Kind kind, const Moments& moments, const Split& data, const Options& options,
           const Tensor& initial_key, const Tensor& key);
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  Kind kind() const { return model_.kind(); }
  const Split& data() const { return data_; }
  std::int64_t parameter_count() const { return model_.network().parameter_count(); }
  std::int64_t steps_done() const { return adam_.steps(); }
  std::int64_t steps() const { return schedule_.options().total_steps; }  ///< at the end
  bool finished() const { return steps_done() >= steps(); }
  /// Takes one step. @throws Error if its loss is not finite.
  void step();

  /// The loss that is differentiated comes first. Flow matching: "loss". MeanFlow: "weighted" (which the
  /// other three make up), "raw", "averaged" (t < r), "instantaneous" (t = r).
  const std::vector<LossCurve>& losses() const { return losses_; }
  /// Gives `model`, of the same make, the averaged parameters. @throws Error before the first step.
  void copy_average_to(const Model& model) const { ema_.copy_to(model.network()); }

  /// Parameters, optimizer, average, key, step number and losses.
  nn::State state() const;
  /// Goes on from there. @throws Error if an entry is missing or does not fit, or the key is another.
  void load(const nn::State& state);

 private:
  // Updates everything; returns the losses.
  std::vector<Tensor> update(const Tensor& number, const Tensor& learning_rate);
  std::vector<Tensor> losses_on(const Tensor& x1, const Tensor& key) const;

  Options options_;
  const Split& data_;
  Tensor key_;
  Model model_;
  nn::WarmupCosine schedule_;
  nn::Adam adam_;
  nn::Ema ema_;
  std::function<std::vector<Tensor>(std::int64_t number, double learning_rate)> compiled_update_;
  std::vector<LossCurve> losses_;
};

}  // namespace nabla::digits
