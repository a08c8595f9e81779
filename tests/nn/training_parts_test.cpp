#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "nn/adam.h"
#include "nn/clip.h"
#include "nn/ema.h"
#include "nn/gradient_accumulator.h"
#include "nn/sgd.h"
#include "nn/state.h"

namespace nabla::nn {
namespace {

struct Weights : Module {
  Weights() {
    add_parameter("w", tensor<double>({1.5, -0.25}, {2}));
    add_parameter("b", tensor<float>({0.5f}, {1}));
  }
};

// Gradients that change from step to step and with the parameters.
std::vector<Tensor> gradients_at(const Weights& at, const Tensor& step) {
  const Tensor turn = sin(cast(step, DType::f64));
  return {at.leaves()[0] * 2 + turn, at.leaves()[1] + cast(turn, DType::f32)};
}

// PyTorch's SGD as its documentation writes it, with dampening 0.
struct SgdReference {
  SgdOptions options;
  double p, buffer = 0;
  bool first = true;
  void step(double g, double rate) {
    if (options.weight_decay != 0) g += options.weight_decay * p;
    if (options.momentum != 0) {
      buffer = first ? g : options.momentum * buffer + g;
      g = options.nesterov ? g + options.momentum * buffer : buffer;
    }
    first = false;
    p -= rate * g;
  }
};

}  // namespace

TEST_CASE("Sgd takes the steps that PyTorch documents, compiled too") {
  for (const SgdOptions& options :
       {SgdOptions{}, SgdOptions{.weight_decay = 0.1}, SgdOptions{.momentum = 0.9, .weight_decay = 0.1},
        SgdOptions{.momentum = 0.8, .nesterov = true}}) {
    const Weights weights;
    Sgd sgd(weights, options);
    const auto step = compile([&](const Tensor& number, const Tensor& rate) {
      commit(sgd.updates(gradients_at(weights, number), rate));
    });
    SgdReference w0{options, 1.5}, w1{options, -0.25}, b{options, 0.5};
    for (std::int64_t n = 0; n < 6; ++n) {
      const double rate = 0.2 / static_cast<double>(n + 1), turn = std::sin(static_cast<double>(n));
      step(n, rate);
      w0.step(2 * w0.p + turn, rate);
      w1.step(2 * w1.p + turn, rate);
      b.step(b.p + turn, rate);
      const std::vector<double> w = weights.leaves()[0].to_vector<double>();
      CHECK(w[0] == doctest::Approx(w0.p).epsilon(1e-14));
      CHECK(w[1] == doctest::Approx(w1.p).epsilon(1e-14));
      CHECK(weights.leaves()[1].item() == doctest::Approx(b.p).epsilon(1e-6));
    }
    CHECK(sgd.steps() == 6);
    CHECK(step.statistics().traces == 1);
  }
}

TEST_CASE("Sgd goes on from a saved state to the last bit, and refuses one of other options") {
  const SgdOptions options{.momentum = 0.9, .nesterov = true, .weight_decay = 0.1};
  const Weights whole, first, second;
  Sgd all(whole, options), half(first, options), rest(second, options);
  const auto step = [](Sgd& sgd, const Weights& weights, std::int64_t n) {
    commit(sgd.updates(gradients_at(weights, tensor<std::int64_t>({n}, Shape{})), 0.05));
  };
  for (std::int64_t n = 0; n < 5; ++n) step(all, whole, n);
  for (std::int64_t n = 0; n < 2; ++n) step(half, first, n);
  load_state(second, state_of(first));
  rest.load(half.state());
  CHECK(rest.steps() == 2);
  for (std::int64_t n = 2; n < 5; ++n) step(rest, second, n);
  CHECK(second.leaves()[0].to_vector<double>() == whole.leaves()[0].to_vector<double>());
  CHECK(half.state()[0].name == "velocity.w");

  Sgd other(second, {.momentum = 0.8, .nesterov = true, .weight_decay = 0.1});
  CHECK_THROWS_WITH_AS(other.load(half.state()),
                       "sgd: what was saved was made with momentum 0.9, this one has 0.8", Error);
  CHECK(Sgd(second).state().size() == 4);  // no velocities: steps and three options
}

TEST_CASE("Sgd refuses what makes no sense") {
  const Weights weights;
  CHECK_THROWS_WITH_AS(Sgd(weights, {.momentum = 1}),
                       doctest::Contains("sgd: the momentum 1 must be in [0, 1)"), Error);
  CHECK_THROWS_WITH_AS(Sgd(weights, {.nesterov = true}), doctest::Contains("positive with nesterov"), Error);
  CHECK_THROWS_WITH_AS(Sgd(weights, {.weight_decay = -1}),
                       doctest::Contains("the weight decay -1 not negative"), Error);
  Sgd sgd(weights);
  CHECK_THROWS_WITH_AS(sgd.updates({}, 0.1), "sgd: 0 gradients for 2 parameters", Error);
  CHECK_THROWS_WITH_AS(sgd.updates(weights.leaves(), -0.1),
                       "sgd: the learning rate -0.1 is negative or not finite", Error);
  CHECK_THROWS_WITH_AS(sgd.updates(weights.leaves(), zeros(Shape{2})),
                       doctest::Contains("sgd: the learning rate [2] f32 is not one element"), Error);
  const auto inside = compile([&](const Tensor& x) {
    commit(sgd.updates({x, cast(sum(x, {0}, true), DType::f32)}, 0.1));
  });
  CHECK_THROWS_WITH_AS(inside(ones(Shape{2}, DType::f64)), doctest::Contains("sgd: inside compile"), Error);
}

TEST_CASE("gradients are scaled down to a norm over all of them, and left alone below it") {
  const std::vector<Tensor> gradients{tensor<double>({3, -4}, {2}), tensor<float>({12}, {1, 1})};
  const ClippedGradients clipped = clip_by_global_norm(gradients, 6.5);
  CHECK(clipped.norm.item() == 13);
  CHECK(clipped.gradients[0].to_vector<double>() == std::vector<double>{1.5, -2});
  CHECK(clipped.gradients[1].dtype() == DType::f32);
  CHECK(clipped.gradients[1].item() == 6);
  CHECK(clip_by_global_norm(gradients, 13).gradients[0].to_vector<double>() == std::vector<double>{3, -4});
  const ClippedGradients none = clip_by_global_norm({zeros(Shape{2})}, 1);
  CHECK(none.norm.item() == 0);
  CHECK(none.gradients[0].to_vector<float>() == std::vector<float>{0, 0});
  // Squares that f32 does not hold.
  const ClippedGradients large = clip_by_global_norm({full(Shape{4}, 1e30)}, 2);
  CHECK(large.norm.item() == doctest::Approx(2e30));
  for (const float g : large.gradients[0].to_vector<float>()) CHECK(g == doctest::Approx(1));

  CHECK_THROWS_WITH_AS(clip_by_global_norm(gradients, 0),
                       "clip_by_global_norm: the largest norm 0 is not positive and finite", Error);
  CHECK_THROWS_WITH_AS(clip_by_global_norm(gradients, std::nan("")), doctest::Contains("nan"), Error);
  CHECK_THROWS_WITH_AS(clip_by_global_norm({iota(2)}, 1),
                       "clip_by_global_norm: the gradient [2] i64 is not of floating type", Error);
}

TEST_CASE("accumulated gradients make the step that their mean makes, compiled too") {
  const Weights weights, reference;
  Sgd sgd(weights, {.momentum = 0.5}), plain(reference, {.momentum = 0.5});
  GradientAccumulator accumulator(weights);
  const auto add =
      compile([&](const Tensor& batch) { commit(accumulator.add(gradients_at(weights, batch))); });
  const auto step = compile([&](const Tensor& batch, const Tensor& rate) {
    const GradientAccumulator::MeanGradients mean = accumulator.take(gradients_at(weights, batch));
    std::vector<Update> updates = sgd.updates(mean.gradients, rate);
    updates.insert(updates.end(), mean.updates.begin(), mean.updates.end());
    commit(updates);
  });
  std::int64_t batch = 0;
  for (const std::int64_t batches : {3, 1, 2}) {
    std::vector<double> w(2);
    double b = 0;
    for (std::int64_t i = 0; i < batches; ++i, ++batch) {
      const std::vector<Tensor> g = gradients_at(reference, tensor<std::int64_t>({batch}, Shape{}));
      for (std::size_t k = 0; k < 2; ++k) w[k] += g[0].to_vector<double>()[k] / static_cast<double>(batches);
      b += g[1].item() / static_cast<double>(batches);
      CHECK(accumulator.batches() == i);
      if (i + 1 < batches)
        add(batch);
      else
        step(batch, 0.1);
    }
    commit(plain.updates({tensor(w, {2}), tensor<float>({static_cast<float>(b)}, {1})}, 0.1));
    CHECK(accumulator.batches() == 0);
    for (std::size_t k = 0; k < 2; ++k)
      CHECK(weights.leaves()[0].to_vector<double>()[k] ==
            doctest::Approx(reference.leaves()[0].to_vector<double>()[k]).epsilon(1e-14));
    CHECK(weights.leaves()[1].item() == doctest::Approx(reference.leaves()[1].item()).epsilon(1e-6));
  }
  CHECK(sgd.steps() == 3);
}

TEST_CASE("an accumulator goes on from a saved state") {
  const Weights weights;
  GradientAccumulator first(weights), second(weights);
  commit(first.add({ones(Shape{2}, DType::f64), ones(Shape{1})}));
  commit(first.add({ones(Shape{2}, DType::f64), ones(Shape{1})}));
  second.load(first.state());
  CHECK(second.batches() == 2);
  CHECK(second.take({full(Shape{2}, 4, DType::f64), ones(Shape{1})}).gradients[0].to_vector<double>() ==
        std::vector<double>{2, 2});
  CHECK_THROWS_WITH_AS(first.add({}), "gradient accumulator: 0 gradients for 2 parameters", Error);
  CHECK_THROWS_WITH_AS(first.take({}), "gradient accumulator: 0 gradients for 2 parameters", Error);
}

TEST_CASE("several averages of one training stand beside each other in a compiled step") {
  const Weights weights;
  Sgd sgd(weights);
  std::vector<Ema> averages;
  for (const double decay : {0.0, 0.5, 0.9}) averages.emplace_back(weights, decay);
  const auto step = compile([&](const Tensor& number) {
    std::vector<Update> updates = sgd.updates(gradients_at(weights, number), full(Shape{}, 0.1, DType::f64));
    for (Ema& ema : averages)
      for (const Update& update : ema.updates(updates)) updates.push_back(update);
    commit(updates);
  });
  std::vector<double> values;
  for (std::int64_t n = 0; n < 4; ++n) {
    step(n);
    values.push_back(weights.leaves()[0].to_vector<double>()[0]);
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const double decay = std::vector<double>{0, 0.5, 0.9}[k];
    double sum = 0, weight = 0;
    for (const double value : values) sum = decay * sum + value, weight = decay * weight + 1;
    CHECK(averages[k].averages()[0].to_vector<double>()[0] == doctest::Approx(sum / weight).epsilon(1e-14));
  }
}

}  // namespace nabla::nn
