#include "examples/digits/train.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/engine.h"

namespace nabla::digits {
namespace {

// Times are powers of uniform ones, so that they lean towards noise. There an error of the Jacobian weighs
// most in the covariance; towards data the network begins to memorise, and needs less training, not more.
constexpr double kTimePower = 1.5;

// A batch drawn with replacement, with fresh dequantisation noise.
Tensor draw_batch(const Images& images, std::int64_t batch, const Tensor& key) {
  const Tensor keys = split(key, 2);
  const Tensor rows = integers(keys[0], Shape{batch}, 0, images.count());
  return dequantise(take(images.levels, rows), keys[1]);
}

}  // namespace

std::vector<double> train(Model& model, Model& averaged, const Images& images, const Options& options,
                          const Tensor& key, const TrainingCallback& on_step) {
  const flow::TimedField field = model.field();
  const flow::AffinePath path = flow::linear_path();
  const nn::WarmupCosine schedule{.peak = options.learning_rate,
                                  .warmup_steps = std::min<std::int64_t>(200, options.steps / 10),
                                  .total_steps = options.steps};
  nn::Adam adam(model.network(), {.weight_decay = options.weight_decay});
  nn::Ema ema(model.network(), options.ema);
  std::vector<double> losses;
  for (std::int64_t step = 0; step < options.steps; ++step) {
    // The number of the step is data, so that every step is the same graph.
    const Tensor keys = split(fold_in(key, tensor<std::int64_t>({step}, Shape{})), 3);
    const nn::LossAndGradients result = nn::value_and_grad(model.network(), [&]() -> std::vector<Tensor> {
      const flow::Pair pair = flow::independent_coupling(keys[1], draw_batch(images, options.batch, keys[0]));
      const Tensor t = pow(flow::stratified_times(keys[2], options.batch), kTimePower);
      return {flow::cfm_loss(field, path, pair, t)};
    });
    std::vector<nn::Update> updates = adam.updates(result.gradients, schedule.at(step));
    const std::vector<nn::Update> averages = ema.updates(updates);
    updates.insert(updates.end(), averages.begin(), averages.end());
    nn::commit(updates, {result.loss});
    losses.push_back(result.loss.item() / static_cast<double>(kPixels));
    if (!std::isfinite(losses.back()))
      throw Error("training failed: the loss of step " + std::to_string(step + 1) +
                  " is not finite; try a smaller learning rate");
    on_step(step + 1, losses.back());
  }
  ema.copy_to(averaged.network());
  return losses;
}

}  // namespace nabla::digits
