#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "engine/plan/plan.h"
#include "flow/flow.h"
#include "nn/nn.h"

// Trainings as the examples do them: by optimised plans or the reference, compiled or not.

namespace nabla::flow {
namespace {

enum class Loss { flow_matching, mean_flow };

std::vector<double> losses(Loss kind, bool compiled, bool optimised) {
  const Tensor keys = split(random_key(0), 2);
  const nn::Mlp net(keys[0], {.inputs = 2, .outputs = 2, .width = 24, .frequencies = 4, .highest_turns = 1});
  nn::Adam adam(net);
  const auto step = [&](const Tensor& number, const Tensor& rate) {
    const Tensor key = split(fold_in(keys[1], number), 3);
    const auto result = nn::value_and_grad(net, [&]() -> std::vector<Tensor> {
      const Tensor angle = uniform(key[0], {32, 1}) * 6;
      const Pair pair = independent_coupling(key[1], concatenate({cos(angle), sin(angle)}, -1));
      const auto v = [&](const Tensor& x, const Tensor& t) { return net(x, t); };
      if (kind == Loss::flow_matching)
        return {cfm_loss(v, linear_path(), pair, stratified_times(key[2], 32))};
      const auto u = [&](const Tensor& x, const Tensor& t, const Tensor& r) {
        return net(x, t) * (1 + t - r);
      };
      return {meanflow_loss(u, linear_path(), pair, uniform_time_pairs(key[2], 32, 16)).weighted};
    });
    nn::commit(adam.updates(result.gradients, rate));
    return result.loss;
  };
  const auto compiled_step = compile(step);
  set_plan_optimisations(optimised);
  std::vector<double> values;
  for (int number = 0; number < 6; ++number) {
    const double rate = 1e-2 * (1 - number / 6.0);
    const Tensor loss = compiled
                            ? compiled_step(number, rate)
                            : step(tensor<std::int64_t>({number}, Shape{}), tensor<double>({rate}, Shape{}));
    values.push_back(loss.item());
  }
  set_plan_optimisations(true);
  return values;
}

}  // namespace

TEST_CASE("trainings have the same losses with and without optimised plans, compiled and not") {
  for (const Loss kind : {Loss::flow_matching, Loss::mean_flow}) {
    const std::vector<double> got = losses(kind, false, true);
    const std::vector<double> expected = losses(kind, false, false);
    CHECK(losses(kind, true, true) == got);
    CHECK(losses(kind, true, false) == expected);
    for (std::size_t i = 0; i < got.size(); ++i) {
      INFO(i);
      // A mean of squares is the sum of its absolute terms.
      CHECK(std::abs(got[i] - expected[i]) <= 4e-6 * expected[i]);
    }
  }
}

}  // namespace nabla::flow
