#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <string>
#include <vector>

#include "flow/flow.h"
#include "nn/nn.h"

// What MeanFlow's options do to one-step samples and to the velocity, on three laws whose exact velocity is
// known: the figures behind the defaults of MeanFlowOptions.

namespace {

using namespace nabla;

// A mixture of Gaussians with equal weights and one width.
struct Law {
  std::string name;
  Tensor means;  // [C, D]
  double deviation;

  Tensor draw(const Tensor& key, std::int64_t count) const {
    const Tensor keys = split(key, 2);
    const std::int64_t components = means.shape()[0];
    const Tensor place = uniform(keys[0], Shape{count}) * static_cast<double>(components);
    return take(means, min(cast(place, DType::i64), components - 1)) +
           deviation * normal(keys[1], Shape{count, means.shape()[1]});
  }
};

std::vector<Law> laws() {
  const Tensor angle = iota(8, DType::f32) * (std::numbers::pi / 4);
  const Tensor two = tensor<float>({1, 1, 1, 1, -1}, Shape{5, 1});  // +1 with probability .8
  return {{"two points", two, 0.05},
          {"ring of 8", stack({cos(angle), sin(angle)}, -1) * 1.5, 0.1},
          {"5-D mixture", normal(random_key(11), Shape{6, 5}) * 1.2, 0.15}};
}

struct Found {
  double distance;  // sliced W2 of one-step samples over that of data
  double velocity;  // rms error of u(x, t, t) over the rms of the exact velocity
};

Found train(const Law& law, const flow::MeanFlowOptions& options, std::uint64_t seed, int steps) {
  constexpr std::int64_t kBatch = 256, kSamples = 4096;
  const Tensor keys = split(random_key(seed), 6);
  const std::int64_t size = law.means.shape()[1];
  const nn::Mlp net(keys[0], {.inputs = size,
                              .outputs = size,
                              .width = 96,
                              .frequencies = 4,
                              .highest_turns = 1,
                              .embedding = 32,
                              .second_time = true});
  const flow::AverageField u = [&](const Tensor& x, const Tensor& t, const Tensor& r) {
    return net(x, t, r - t);
  };
  nn::Adam adam(net);
  const auto step = compile([&](const Tensor& number, const Tensor& rate) {
    const Tensor key = split(fold_in(keys[1], number), 3);
    const auto result = nn::value_and_grad(net, [&]() -> std::vector<Tensor> {
      const flow::Pair pair = flow::independent_coupling(key[0], law.draw(key[1], kBatch));
      return {meanflow_loss(u, flow::linear_path(), pair,
                            flow::uniform_time_pairs(key[2], kBatch, kBatch / 2), options)
                  .weighted};
    });
    nn::commit(adam.updates(result.gradients, rate));
  });
  for (int number = 0; number < steps; ++number)
    step(number, 3e-3 * (1 - static_cast<double>(number) / steps));
  const Tensor real = law.draw(keys[2], kSamples), other = law.draw(keys[3], kSamples);
  const Tensor found = flow::integrate_average(u, normal(keys[4], real.shape()), std::vector<double>{0, 1});
  const auto apart = [&](const Tensor& x) { return flow::sliced_wasserstein(random_key(5), x, real, 64); };
  const Tensor variances = full(law.means.shape(), law.deviation * law.deviation);
  const flow::GaussianMixtureField exact(ones(Shape{law.means.shape()[0]}), law.means, variances);
  const Tensor t = flow::uniform_times(keys[5], kSamples) * 0.8 + 0.1;
  const Tensor x = flow::interpolate(flow::linear_path(), normal(random_key(6), real.shape()), real, t).x;
  const Tensor v = exact.velocity(x, t);
  return {apart(found) / apart(other), std::sqrt((mean(square(u(x, t, t) - v)) / mean(square(v))).item())};
}

}  // namespace

int main(int count, char** arguments) {
  const int steps = count > 1 ? std::atoi(arguments[1]) : 3000;
  const int seeds = count > 2 ? std::atoi(arguments[2]) : 2;
  std::printf("%-12s %5s %-11s %6s   %s\n", "law", "power", "tangent", "weight",
              "one-step W2 over that of data; relative error of the velocity (means of the seeds)");
  for (const Law& law : laws())
    for (const double power : {0.0, 0.5, 1.0})
      for (const flow::MeanFlowTangent tangent :
           {flow::MeanFlowTangent::conditional, flow::MeanFlowTangent::predicted})
        for (const double weight : {1.0, 0.5}) {
          if (power > 0 && weight < 1) continue;
          Found mean{0, 0};
          for (int seed = 0; seed < seeds; ++seed) {
            const Found found = train(law, {.tangent = tangent, .averaged_weight = weight, .power = power},
                                      static_cast<std::uint64_t>(seed), steps);
            mean.distance += found.distance / seeds;
            mean.velocity += found.velocity / seeds;
          }
          std::printf("%-12s %5.1f %-11s %6.1f   %6.2f  %6.3f\n", law.name.c_str(), power,
                      tangent == flow::MeanFlowTangent::predicted ? "predicted" : "conditional", weight,
                      mean.distance, mean.velocity);
          std::fflush(stdout);
        }
}
