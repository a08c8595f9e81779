#pragma once

#include "engine/engine.h"
#include "nn/nn.h"

namespace nabla::nn {

// A regression of a small network with all that training has: AdamW, a schedule, a moving average, noise.
struct Training {
  Training()
      : net(random_key(0),
            {.inputs = 2, .outputs = 2, .width = 16, .frequencies = 2, .embedding = 8, .output_gain = 1}),
        adam(net, {.weight_decay = 0.01}),
        ema(net, 0.9) {}
  Mlp net;
  Adam adam;
  Ema ema;

  Tensor step(const Tensor& number, const Tensor& rate) {
    const Tensor keys = split(fold_in(random_key(1), number), 2);
    const LossAndGradients result = value_and_grad(net, [&]() -> std::vector<Tensor> {
      const Tensor x = normal(keys[0], {32, 2});
      return {mean(square(net(x, uniform(keys[1], {32, 1})) - sin(x)))};
    });
    std::vector<Update> updates = adam.updates(result.gradients, rate);
    const std::vector<Update> averages = ema.updates(updates);
    updates.insert(updates.end(), averages.begin(), averages.end());
    commit(updates, {result.loss});
    return result.loss;
  }
};

}  // namespace nabla::nn
