#include <iostream>
#include <numbers>

#include "nn/nn.h"
#include "uncertainty/uncertainty.h"

using namespace nabla;

// Half a circle and the same turned by 180 degrees, which reach into each other.
Tensor two_moons(const Tensor& key, std::int64_t count) {
  const Tensor keys = split(key, 3);
  const Tensor angle = uniform(keys[0], {count, 1}) * std::numbers::pi;
  const Tensor moon = concatenate({cos(angle) - 0.5, sin(angle) - 0.25}, -1);
  return sign(uniform(keys[1], {count, 1}) - 0.5) * moon + 0.06 * normal(keys[2], {count, 2});
}

// A picture of [-2, 2] x [-1, 1]: the more points, the heavier the character.
void print_density(const Tensor& points) {
  constexpr int kRows = 18, kColumns = 72;
  std::vector<int> cells(kRows * kColumns);
  const std::vector<float> xy = points.to_vector<float>();
  for (std::size_t i = 0; i < xy.size(); i += 2)
    if (xy[i] * xy[i] < 4 && xy[i + 1] * xy[i + 1] < 1)
      ++cells[int((1.0 - xy[i + 1]) / 2 * kRows) * kColumns + int((2.0 + xy[i]) / 4 * kColumns)];
  for (int i = 0; i < kRows * kColumns; ++i)
    std::cout << " .:-=+*#%@"[cells[i] < 18 ? cells[i] / 2 : 9] << (i % kColumns == kColumns - 1 ? "\n" : "");
}

int main() {
  const Tensor keys = split(random_key(0), 4);
  const nn::Mlp net(keys[0], {.inputs = 2, .outputs = 2, .width = 64, .frequencies = 4, .highest_turns = 1});
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return net(x, t); };
  nn::Adam adam(net);
  const auto train = compile([&](const Tensor& step, const Tensor& learning_rate) {
    const Tensor key = split(fold_in(keys[1], step), 3);
    const auto [loss, gradients, none] = nn::value_and_grad(net, [&]() -> std::vector<Tensor> {
      const flow::Pair pair = flow::independent_coupling(key[0], two_moons(key[1], 256));
      return {flow::cfm_loss(v, flow::linear_path(), pair, flow::stratified_times(key[2], 256))};
    });
    nn::commit(adam.updates(gradients, learning_rate));
  });
  for (int step = 0; step < 1200; ++step) train(step, 1e-2 * (1 - step / 1200.0));
  const Tensor noise = normal(keys[2], {2048, 2});
  const Tensor x = flow::integrate(flow::Solver::heun, v, noise, flow::time_grid(0, 1, 32)).x;
  print_density(x);
  // The energy distance of the samples to fresh data. Two draws of the data have about 0.001, noise has 0.07.
  const Tensor y = two_moons(keys[3], 2048);
  const auto apart = [](const Tensor& a, const Tensor& b) {
    return mean(norm(insert_axes(a, {-2}) - insert_axes(b, {-3}), {-1}));
  };
  const double distance = (2 * apart(x, y) - apart(x, x) - apart(y, y)).item();
  // What may lie behind a noisy sample between the moons: by the net, and by the exact field of the points y.
  const flow::EmpiricalField field(y);
  const auto exact = [&](const Tensor& at, const Tensor& time) { return field.velocity(at, time); };
  const Tensor at = zeros({1, 2}), t = flow::shared_time(0.5, DType::f32);
  const auto variance = [&](const flow::TimedField& of) {
    return uncertainty::posterior(of, flow::linear_path(), at, t).variance();
  };
  std::cout << "distance to the data " << distance << "\nposterior variance   " << variance(v)
            << "\nof the exact field   " << variance(exact) << "\n";
  return distance < 0.006 ? 0 : 1;
}
