#include "examples/jacobian_inspect/plane.h"

#include <memory>
#include <numbers>

#include "engine/engine.h"
#include "examples/report/progress.h"
#include "nn/nn.h"

namespace nabla::jacobian_inspect {
namespace {

constexpr std::int64_t kRows = 256, kPoints = 512;
constexpr double kDeviation = 0.1, kLearningRate = 1e-2;

Tensor eight_gaussians(const Tensor& key, std::int64_t count) {
  const Tensor keys = split(key, 2);
  const Tensor number = cast(integers(keys[0], {count, 1}, 0, 8), DType::f32);
  const Tensor angle = number * (std::numbers::pi / 4);
  return concatenate({cos(angle), sin(angle)}, -1) + kDeviation * normal(keys[1], {count, 2});
}

void train(const nn::Mlp& net, std::int64_t steps, const Tensor& key) {
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return net(x, t); };
  nn::Adam adam(net);
  const auto step = compile([&](const Tensor& number, const Tensor& learning_rate) {
    const Tensor keys = split(fold_in(key, number), 3);
    const nn::LossAndGradients result = nn::value_and_grad(net, [&]() -> std::vector<Tensor> {
      const flow::Pair pair = flow::independent_coupling(keys[0], eight_gaussians(keys[1], kRows));
      return {flow::cfm_loss(v, flow::linear_path(), pair, flow::stratified_times(keys[2], kRows))};
    });
    nn::commit(adam.updates(result.gradients, learning_rate));
  });
  report::Progress progress("training, plane", steps);
  for (std::int64_t i = 0; i < steps; ++i) {
    step(i, kLearningRate * (1 - static_cast<double>(i) / static_cast<double>(steps)));
    progress.update(i + 1);
  }
}

}  // namespace

Subject plane_subject(const Options& options, const Tensor& key) {
  const Tensor keys = split(key, 3);
  const auto net = std::make_shared<const nn::Mlp>(
      keys[0], nn::MlpOptions{.inputs = 2, .outputs = 2, .width = 64, .frequencies = 4, .highest_turns = 1});
  train(*net, options.steps, keys[1]);
  return {"plane", "network, 8 Gaussians",
          "A network 2-64-64-64-2, trained for " + std::to_string(options.steps) + " steps of " +
              std::to_string(kRows) + " points on eight normal distributions around a circle in the plane.",
          [net](const Tensor& x, const Tensor& t) { return (*net)(x, t); },
          eight_gaussians(keys[2], kPoints).detach()};
}

}  // namespace nabla::jacobian_inspect
