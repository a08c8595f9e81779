#include "examples/mnist_classifier/training.h"

#include <cmath>
#include <string>
#include <utility>

#include "engine/engine.h"
#include "examples/mnist_classifier/augment.h"

namespace nabla::mnist_classifier {
namespace {

constexpr std::int64_t kReach = 2;  // pixels
constexpr double kLabelSmoothing = 0.05;

nn::WarmupCosine schedule_of(std::int64_t steps, double learning_rate) {
  return nn::WarmupCosine({.peak = learning_rate, .warmup_steps = steps / 4, .total_steps = steps});
}

}  // namespace

Training::Training(const Dataset& data, const Options& options)
    : data_(describe(data)),
      key_(random_key(options.seed)),
      network_(fold_in(key_, 0), options),
      adam_(network_, {.weight_decay = options.weight_decay}),
      ema_(network_, options.ema),
      batches_({data.training.levels, data.training.labels}, fold_in(key_, 1), {.size = options.batch}),
      schedule_(schedule_of(options.epochs * batches_.per_epoch(), options.learning_rate)),
      compiled_update_(compile([this](const std::vector<Tensor>& inputs) { return update(inputs); })) {}

Tensor Training::update(const std::vector<Tensor>& inputs) {
  const Tensor &levels = inputs[0], &labels = inputs[1], &step = inputs[2], &learning_rate = inputs[3];
  const Tensor keys = split(fold_in(fold_in(key_, 2), step), 2);
  TrainingPass pass{keys[0], {}};
  const Tensor x = to_input(shift_randomly(levels, kReach, keys[1]));
  const nn::LossAndGradients result = nn::value_and_grad(network_, [&]() -> std::vector<Tensor> {
    return {mean(cross_entropy(network_(x, &pass), labels, {.label_smoothing = kLabelSmoothing}))};
  });
  std::vector<nn::Update> updates = adam_.updates(result.gradients, learning_rate);
  updates.insert(updates.end(), pass.running.begin(), pass.running.end());
  const std::vector<nn::Update> averages = ema_.updates(updates);
  updates.insert(updates.end(), averages.begin(), averages.end());
  nn::commit(updates);
  return result.loss;
}

void Training::step() {
  const std::int64_t number = steps_done();
  std::vector<Tensor> inputs = batches_.at(number);
  inputs.push_back(tensor<std::int64_t>({number}, Shape{}));
  inputs.push_back(tensor<double>({schedule_.at(number)}, Shape{}));
  const double loss = compiled_update_(inputs).item();
  if (!std::isfinite(loss))
    throw Error("training failed: the loss of step " + std::to_string(number + 1) +
                " is not finite; try a smaller learning rate");
  losses_.push_back(loss);
}

nn::State Training::state() const {
  nn::State state;
  nn::append_part(state, "model", nn::state_of(network_));
  nn::append_part(state, "adam", adam_.state());
  nn::append_part(state, "ema", ema_.state());
  state.push_back({"losses", tensor(losses_, Shape{steps_done()})});
  return state;
}

void Training::load(const nn::State& state) {
  const std::int64_t steps =
      static_cast<std::int64_t>(nn::entry("training", nn::part_of(state, "adam"), "steps").item());
  const Tensor& losses = nn::entry("training", state, "losses");
  if (losses.dtype() != DType::f64 || !(losses.shape() == Shape{steps}))
    throw Error("training: the saved losses " + to_string(losses.shape()) + " are not those of " +
                std::to_string(steps) + " steps");
  nn::load_state(network_, nn::part_of(state, "model"));
  adam_.load(nn::part_of(state, "adam"));
  ema_.load(nn::part_of(state, "ema"));
  losses_ = losses.to_vector<double>();
}

}  // namespace nabla::mnist_classifier
