#include "examples/digits/training.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/engine.h"

namespace nabla::digits {
namespace {

// Times are powers of uniform ones, so that they lean towards noise. There an error of the Jacobian weighs
// most in the covariance; towards data the network begins to memorise, and needs less training, not more.
constexpr double kTimePower = 1.5;

std::vector<LossCurve> curves(Kind kind) {
  if (kind == Kind::flow_matching) return {{"loss", {}}};
  return {{"weighted", {}}, {"raw", {}}, {"averaged", {}}, {"instantaneous", {}}};
}

nn::WarmupCosine schedule_of(std::int64_t steps, double learning_rate) {
  return nn::WarmupCosine(
      {.peak = learning_rate, .warmup_steps = std::min<std::int64_t>(200, steps / 10), .total_steps = steps});
}

// A batch drawn with replacement, with fresh dequantisation noise.
Tensor draw_batch(const Images& images, std::int64_t batch, const Tensor& key) {
  const Tensor keys = split(key, 2);
  const Tensor rows = integers(keys[0], Shape{batch}, 0, images.count());
  return dequantise(take(images.levels, rows), keys[1]);
}

// Half of the rows have two uniform times in order, the other half one that leans towards noise.
flow::TimePairs draw_time_pairs(const Tensor& key, std::int64_t batch) {
  const flow::TimePairs uniform = flow::uniform_time_pairs(key, batch, batch / 2);
  const auto lean = [&](const Tensor& times) {
    return concatenate(
        {slice(times, 0, 0, uniform.averaged), pow(slice(times, 0, uniform.averaged, batch), kTimePower)}, 0);
  };
  return {lean(uniform.t), lean(uniform.r), uniform.averaged};
}

}  // namespace

double LossCurve::final_mean() const {
  const std::size_t tail = std::max<std::size_t>(1, values.size() / 10);
  if (values.size() < tail) return std::nan("");
  return std::accumulate(values.end() - static_cast<std::ptrdiff_t>(tail), values.end(), 0.0) /
         static_cast<double>(tail);
}

Training::Training(Kind kind, const Moments& moments, const Split& data, const Options& options,
                   const Tensor& initial_key, const Tensor& key)
    : options_(options),
      data_(data),
      key_(key.detach()),
      model_(kind, initial_key, moments, options),
      schedule_(schedule_of(kind == Kind::mean_flow ? options.mean_flow_steps : options.steps,
                            options.learning_rate)),
      adam_(model_.network(), {.weight_decay = kind == Kind::mean_flow ? options.mean_flow_weight_decay
                                                                       : options.weight_decay}),
      ema_(model_.network(), options.ema),
      compiled_update_(compile([this](const Tensor& number, const Tensor& learning_rate) {
        return update(number, learning_rate);
      })),
      losses_(curves(kind)) {}

std::vector<Tensor> Training::losses_on(const Tensor& x1, const Tensor& key) const {
  const Tensor keys = split(key, 2);
  const flow::AffinePath path = flow::linear_path();
  const flow::Pair pair = flow::independent_coupling(keys[0], x1);
  if (kind() == Kind::flow_matching) {
    const Tensor t = pow(flow::stratified_times(keys[1], options_.batch), kTimePower);
    return {flow::cfm_loss(model_.velocity(), path, pair, t)};
  }
  const flow::MeanFlowLoss loss = flow::meanflow_loss(
      model_.average_velocity(), path, pair, draw_time_pairs(keys[1], options_.batch),
      {.tangent = flow::MeanFlowTangent::predicted, .averaged_weight = options_.averaged_weight, .power = 0});
  return {loss.weighted, loss.raw, loss.averaged, loss.instantaneous};
}

std::vector<Tensor> Training::update(const Tensor& number, const Tensor& learning_rate) {
  const Tensor keys = split(fold_in(key_, number), 2);
  const nn::LossAndGradients result = nn::value_and_grad(model_.network(), [&] {
    return losses_on(draw_batch(data_.training, options_.batch, keys[0]), keys[1]);
  });
  std::vector<nn::Update> updates = adam_.updates(result.gradients, learning_rate);
  const std::vector<nn::Update> averages = ema_.updates(updates);
  updates.insert(updates.end(), averages.begin(), averages.end());
  nn::commit(updates);
  std::vector<Tensor> losses = result.auxiliary;
  losses.insert(losses.begin(), result.loss);
  return losses;
}

void Training::step() {
  const std::int64_t number = steps_done();
  const std::vector<Tensor> losses = compiled_update_(number, schedule_.at(number));
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const double loss = losses[i].item() / static_cast<double>(kPixels);
    if (!std::isfinite(loss))
      throw Error("training failed: the loss of step " + std::to_string(number + 1) +
                  " is not finite; try a smaller learning rate");
    losses_[i].values.push_back(loss);
  }
}

nn::State Training::state() const {
  nn::State state;
  nn::append_part(state, "model", nn::state_of(model_.network()));
  nn::append_part(state, "adam", adam_.state());
  nn::append_part(state, "ema", ema_.state());
  state.push_back({"key", key_});
  for (const LossCurve& curve : losses_)
    state.push_back({"losses." + curve.name, tensor(curve.values, Shape{steps_done()})});
  return state;
}

void Training::load(const nn::State& state) {
  const Tensor& key = nn::entry("training", state, "key");
  if (key.dtype() != DType::u32 || !(key.shape() == key_.shape()) ||
      key.to_vector<std::uint32_t>() != key_.to_vector<std::uint32_t>())
    throw Error("training: the saved key is not the one of this seed");
  const std::int64_t steps =
      static_cast<std::int64_t>(nn::entry("training", nn::part_of(state, "adam"), "steps").item());
  std::vector<LossCurve> losses = losses_;
  for (LossCurve& curve : losses) {
    const Tensor& saved = nn::entry("training", state, "losses." + curve.name);
    if (saved.dtype() != DType::f64 || !(saved.shape() == Shape{steps}))
      throw Error("training: the saved losses '" + curve.name + "' " + to_string(saved.shape()) +
                  " are not those of " + std::to_string(steps) + " steps");
    curve.values = saved.to_vector<double>();
  }
  nn::load_state(model_.network(), nn::part_of(state, "model"));
  adam_.load(nn::part_of(state, "adam"));
  ema_.load(nn::part_of(state, "ema"));
  losses_ = std::move(losses);
}

}  // namespace nabla::digits
