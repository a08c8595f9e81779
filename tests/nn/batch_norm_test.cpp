#include "nn/batch_norm.h"

#include "nn/adam.h"
#include "nn/ema.h"
#include "tests/nn/layers.h"

namespace nabla::nn {
namespace {

// Of x [N, C, P]: mean and biased variance of each channel, by loops.
struct ChannelStatistics {
  std::vector<double> mean, variance;
};
ChannelStatistics statistics_of(const std::vector<double>& x, std::size_t channels, std::size_t places) {
  const double count = static_cast<double>(x.size()) / static_cast<double>(channels);
  ChannelStatistics of{std::vector<double>(channels), std::vector<double>(channels)};
  for (std::size_t i = 0; i < x.size(); ++i) of.mean[i / places % channels] += x[i] / count;
  for (std::size_t i = 0; i < x.size(); ++i)
    of.variance[i / places % channels] += std::pow(x[i] - of.mean[i / places % channels], 2) / count;
  return of;
}

std::vector<double> normalised_by(const ChannelStatistics& of, std::vector<double> x, std::size_t places,
                                  const BatchNorm& layer, double epsilon) {
  const std::vector<double> weight = layer.parameter("weight").get().to_vector<double>();
  const std::vector<double> bias = layer.parameter("bias").get().to_vector<double>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i / places % weight.size();
    x[i] = (x[i] - of.mean[c]) / std::sqrt(of.variance[c] + epsilon) * weight[c] + bias[c];
  }
  return x;
}

std::vector<double> buffer(const Module& module, std::size_t number) {
  return module.buffers()[number].cell->get().to_vector<double>();
}

// A layer whose parameters are others than the ones and zeros it starts with.
struct Filled : BatchNorm {
  explicit Filled(const BatchNormOptions& options) : BatchNorm(3, options) {
    parameter("weight").assign(tensor<double>({0.5, -1, 2}, {3}));
    parameter("bias").assign(tensor<double>({0.1, 0.2, -0.3}, {3}));
  }
};

}  // namespace

TEST_CASE("a batch norm has PyTorch's names, and only weight and bias are trained") {
  CHECK(listed(BatchNorm(4)) == std::vector<std::string>{"weight [4] f32", "bias [4] f32",
                                                         "running_mean [4] f32", "running_var [4] f32"});
  CHECK(BatchNorm(4).parameter_count() == 8);
  CHECK(listed(BatchNorm(4, {.affine = false})) ==
        std::vector<std::string>{"running_mean [4] f32", "running_var [4] f32"});
}

TEST_CASE("in training a batch norm takes the statistics of the batch and lets the running ones follow") {
  const Filled layer({.epsilon = 0.1, .momentum = 0.25, .dtype = DType::f64});
  std::vector<double> mean(3), variance(3, 1);
  for (const std::uint64_t seed : {1, 2}) {
    const Tensor x = normal(random_key(seed), Shape{4, 3, 2, 5}, DType::f64) * 3 + 1;
    const ChannelStatistics of = statistics_of(x.to_vector<double>(), 3, 10);
    std::vector<Update> running;
    check_close(layer(x, &running), normalised_by(of, x.to_vector<double>(), 10, layer, 0.1));
    commit(running);
    for (std::size_t c = 0; c < 3; ++c) {
      mean[c] = 0.75 * mean[c] + 0.25 * of.mean[c];
      variance[c] = 0.75 * variance[c] + 0.25 * of.variance[c] * 40 / 39;
    }
    check_close(layer.buffers()[0].cell->get(), mean);
    check_close(layer.buffers()[1].cell->get(), variance);
  }

  // In evaluation the running statistics take the place of the batch's, for one sample as well.
  const Tensor one = normal(random_key(3), Shape{1, 3, 2, 5}, DType::f64);
  check_close(layer(one), normalised_by({mean, variance}, one.to_vector<double>(), 10, layer, 0.1));
}

TEST_CASE("a batch norm of rows has no spatial axes") {
  const Filled layer({.spatial = 0, .dtype = DType::f64});
  const Tensor x = normal(random_key(1), Shape{6, 3}, DType::f64);
  std::vector<Update> running;
  check_close(layer(x, &running), normalised_by(statistics_of(x.to_vector<double>(), 3, 1),
                                                x.to_vector<double>(), 1, layer, 1e-5));
}

TEST_CASE("the gradients of a batch norm are those that differences show, in training and in evaluation") {
  const Filled layer({.epsilon = 0.1, .dtype = DType::f64});
  const Tensor x = normal(random_key(1), Shape{4, 3, 1, 2}, DType::f64);
  std::vector<Update> unused;
  check_gradients(layer, [&] { return layer(x, &unused); });
  check_gradients(layer, [&] { return layer(x); });

  // By the input, whose statistics have a part in the result.
  const auto f = [&](const Tensor& at) { return sum(sin(layer(at, &unused))); };
  const Tensor gradient = grad(f, x), direction = normal(random_key(2), x.shape(), DType::f64);
  const double difference = (f(x + 1e-5 * direction) - f(x - 1e-5 * direction)).item() / 2e-5;
  CHECK(sum(gradient * direction).item() == doctest::Approx(difference).epsilon(1e-8));
}

TEST_CASE("equal numbers far from zero have no variance in a batch norm") {
  const BatchNorm layer(1, {.spatial = 0});
  std::vector<Update> running;
  const std::vector<float> y = layer(full(Shape{1000, 1}, 12345.678), &running).to_vector<float>();
  for (const float value : y) CHECK(value == 0);
}

TEST_CASE("the divergence refuses a batch norm in training and is that of an affine map in evaluation") {
  const Filled layer({.spatial = 0, .epsilon = 0.1, .dtype = DType::f64});
  const Tensor x = normal(random_key(1), Shape{4, 3}, DType::f64);
  std::vector<Update> running;
  CHECK_THROWS_WITH_AS(divergence([&](const Tensor& at) { return layer(at, &running); }, x),
                       doctest::Contains("divergence: the field mixes samples in "), Error);
  CHECK_THROWS_WITH_AS(divergence([&](const Tensor& at) { return layer(at, &running); }, x),
                       doctest::Contains("batch_norm_test.cpp"), Error);
  running.clear();
  layer(x, &running);
  commit(running);
  const std::vector<double> variance = buffer(layer, 1);
  const double expected = 0.5 / std::sqrt(variance[0] + 0.1) - 1 / std::sqrt(variance[1] + 0.1) +
                          2 / std::sqrt(variance[2] + 0.1);
  check_close(divergence([&](const Tensor& at) { return layer(at); }, x), std::vector<double>(4, expected));
}

TEST_CASE("a moving average takes the buffers of a batch norm along") {
  const Filled layer({.spatial = 0, .momentum = 1, .dtype = DType::f64});
  Adam adam(layer);
  Ema ema(layer, 0.5);
  const auto step = compile([&](const Tensor& x) {
    std::vector<Update> updates;
    const LossAndGradients result =
        value_and_grad(layer, [&]() -> std::vector<Tensor> { return {sum(layer(x, &updates))}; });
    for (const Update& update : adam.updates(result.gradients, full(Shape{}, 0.1, DType::f64)))
      updates.push_back(update);
    for (const Update& update : ema.updates(updates)) updates.push_back(update);
    commit(updates);
  });
  step(tensor<double>({0, 1, 2, 2, 3, 4}, {2, 3}));
  CHECK(buffer(layer, 0) == std::vector<double>{1, 2, 3});
  CHECK(buffer(layer, 1) == std::vector<double>{2, 2, 2});
  step(tensor<double>({3, 4, 5, 5, 6, 7}, {2, 3}));
  CHECK(buffer(layer, 0) == std::vector<double>{4, 5, 6});
  const Filled averaged({.spatial = 0, .momentum = 1, .dtype = DType::f64});
  ema.copy_to(averaged);
  check_close(averaged.buffers()[0].cell->get(),
              {(0.5 * 1 + 4) / 1.5, (0.5 * 2 + 5) / 1.5, (0.5 * 3 + 6) / 1.5});

  // A buffer that a step does not touch stays what it is, and counts as that.
  std::vector<Update> updates = adam.updates(layer.leaves(), 0.1);
  for (const Update& update : ema.updates(updates)) updates.push_back(update);
  commit(updates);
  ema.copy_to(averaged);
  CHECK(buffer(averaged, 0)[0] == doctest::Approx((0.25 * 1 + 0.5 * 4 + 4) / 1.75));
}

TEST_CASE("a state has the buffers of all parts, and is refused without one") {
  struct Pair : Module {
    Pair() {
      add_part("a", a);
      add_part("b", b);
    }
    BatchNorm a{2}, b{3, {.affine = false}};
  };
  const Pair pair, other;
  CHECK(listed(pair) == std::vector<std::string>{"a.weight [2] f32", "a.bias [2] f32",
                                                 "a.running_mean [2] f32", "a.running_var [2] f32",
                                                 "b.running_mean [3] f32", "b.running_var [3] f32"});
  pair.buffers()[3].cell->assign(full(Shape{3}, 7));
  load_state(other, state_of(pair));
  CHECK(other.buffers()[3].cell->get().to_vector<float>() == std::vector<float>(3, 7));
  State without = state_of(pair);
  without.pop_back();
  CHECK_THROWS_WITH_AS(load_state(other, without), "module: 'b.running_var' is missing in what was saved",
                       Error);
}

TEST_CASE("a batch norm refuses what does not fit") {
  std::vector<Update> running;
  CHECK_THROWS_WITH_AS(BatchNorm(3)(zeros({2, 4, 5, 5})),
                       "batch norm: the input [2, 4, 5, 5] must be [N, 3, *S] with 2 spatial axes", Error);
  CHECK_THROWS_WITH_AS(BatchNorm(3, {.spatial = 0})(zeros({2, 4})),
                       "batch norm: the input [2, 4] must be [N, 3]", Error);
  CHECK_THROWS_WITH_AS(BatchNorm(3)(zeros({2, 2, 3, 5, 5}), &running),
                       doctest::Contains("the input [2, 2, 3, 5, 5] must be [N, 3, *S]"), Error);
  CHECK_THROWS_WITH_AS(BatchNorm(3)(zeros({3, 5}), &running), doctest::Contains("must be [N, 3, *S]"), Error);
  CHECK_THROWS_WITH_AS(BatchNorm(3, {.spatial = 0})(zeros({1, 3}), &running),
                       "batch norm: the input [1, 3] has 1 numbers a channel; a variance needs two at least",
                       Error);
  CHECK_THROWS_WITH_AS(BatchNorm(0), doctest::Contains("batch norm: 0 channels before 2 spatial"), Error);
  CHECK_THROWS_WITH_AS(BatchNorm(1, {.spatial = -1}), doctest::Contains("before -1 spatial axes"), Error);
  CHECK_THROWS_WITH_AS(BatchNorm(1, {.momentum = 0}), doctest::Contains("momentum 0"), Error);
  CHECK_THROWS_WITH_AS(BatchNorm(1, {.epsilon = 0}), doctest::Contains("epsilon 0;"), Error);
}

}  // namespace nabla::nn
