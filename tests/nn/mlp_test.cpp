#include "nn/mlp.h"
#include "engine/graph/walk.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"

namespace nabla::nn {
namespace {

constexpr MlpOptions kSmall{.inputs = 3,
                            .outputs = 2,
                            .width = 6,
                            .hidden_layers = 2,
                            .frequencies = 4,
                            .embedding = 5,
                            .second_time = true,
                            .output_gain = 1,
                            .dtype = DType::f64};

struct Inputs {
  Tensor x = normal(random_key(10), Shape{4, 3}, DType::f64);
  Tensor t = uniform(random_key(11), Shape{4, 1}, DType::f64);
  Tensor gap = uniform(random_key(12), Shape{4, 1}, DType::f64);
};

}  // namespace

TEST_CASE("the gradient of a small network equals central differences, for every activation") {
  for (const Activation activation :
       {Activation::tanh, Activation::silu, Activation::gelu, Activation::softplus, Activation::relu}) {
    CAPTURE(name_of(activation));
    MlpOptions options = kSmall;
    options.activation = activation;
    const Mlp network(random_key(1), options);
    const Inputs in;
    const auto loss = [&] { return sum(square(network(in.x, in.t, in.gap) - 0.5)); };
    const LossAndGradients result =
        value_and_grad(network, [&]() -> std::vector<Tensor> { return {loss()}; });
    evaluate(result.gradients);
    constexpr double kStep = 1e-5;
    for (std::size_t p = 0; p < network.parameters().size(); ++p) {
      Cell& cell = *network.parameters()[p].cell;
      CAPTURE(network.parameters()[p].name);
      const Tensor start = cell.get();
      const std::vector<double> gradient = result.gradients[p].to_vector<double>();
      for (std::size_t i = 0; i < gradient.size(); i += 3) {
        const auto shifted = [&](double step) {
          std::vector<double> values = start.to_vector<double>();
          values[i] += step;
          cell.assign(tensor(values, start.shape()));
          return loss().item();
        };
        const double difference = (shifted(kStep) - shifted(-kStep)) / (2 * kStep);
        CHECK(gradient[i] == doctest::Approx(difference).epsilon(1e-6).scale(0.1));
      }
      cell.assign(start);
    }
  }
}

TEST_CASE("a shared time gives what the same time for each sample gives") {
  const Mlp network(random_key(1), kSmall);
  const Inputs in;
  const Tensor t = full(Shape{1, 1}, 0.3, DType::f64);
  const Tensor gap = full(Shape{1, 1}, 0.2, DType::f64);
  const Tensor shared = network(in.x, t, gap);
  const Tensor each = network(in.x, broadcast_to(t, Shape{4, 1}), broadcast_to(gap, Shape{4, 1}));
  CHECK(reduce_max(abs(shared - each)).item() < 1e-14);
}

TEST_CASE("a shared time is never expanded over the batch before it meets the samples") {
  const Mlp network(random_key(1), kSmall);
  const Tensor x = variable(Shape{4, 3}, DType::f64);
  const Tensor t = variable(Shape{1, 1}, DType::f64);
  const Tensor gap = variable(Shape{1, 1}, DType::f64);
  const Tensor y = network(x, t, gap);
  const std::vector<Tensor> stop{x};
  // Whatever has a batch axis depends on x.
  for (const Node* node : nodes_behind(std::vector<Tensor>{y}, stop)) {
    if (node->shape().rank() != 2 || node->shape()[0] != 4) continue;
    bool from_x = false;
    for (const Node* other : nodes_behind(std::vector<Tensor>{Tensor(const_cast<Node*>(node))}))
      from_x = from_x || other == &x.node();
    CHECK(from_x);
  }
}

TEST_CASE("samples do not mix, and the time is no factor of the Jacobian of a linear network") {
  MlpOptions options = kSmall;
  options.outputs = 3;
  options.second_time = false;
  options.activation = Activation::identity;
  const Mlp network(random_key(1), options);
  const Inputs in;
  const auto at = [&](double t) {
    return sample_jacobian(
        [&](const Tensor& x) {
          return network(x, full(Shape{1, 1}, t, DType::f64));
        },
        in.x);
  };
  CHECK(reduce_max(abs(at(0.1) - at(0.9))).item() == 0);
}

TEST_CASE("a network starts at zero unless it is asked not to") {
  const Mlp network(random_key(1), {.inputs = 3, .outputs = 3, .width = 4});
  const Tensor x = normal(random_key(2), Shape{5, 3});
  CHECK(reduce_max(abs(network(x, full(Shape{5, 1}, 0.5)))).item() == 0);
}

TEST_CASE("a network refuses inputs that do not fit") {
  const Mlp network(random_key(1), kSmall);
  const Inputs in;
  CHECK_THROWS_WITH_AS(network(zeros(Shape{4, 2}, DType::f64), in.t, in.gap),
                       doctest::Contains("mlp: the input [4, 2] must be [B, 3]"), Error);
  CHECK_THROWS_WITH_AS(network(in.x, zeros(Shape{3, 1}, DType::f64), in.gap),
                       doctest::Contains("t [3, 1] for x [4, 3] must be [4, 1] or [1, 1]"), Error);
  CHECK_THROWS_WITH_AS(network(in.x, in.t), doctest::Contains("second time r - t is missing"), Error);
  const Mlp without(random_key(1), {.inputs = 3, .outputs = 2, .dtype = DType::f64});
  CHECK_THROWS_WITH_AS(without(in.x, in.t, in.gap), doctest::Contains("do not ask for one"), Error);
  CHECK_THROWS_WITH_AS(Mlp(random_key(1), {.inputs = 0, .outputs = 2}), doctest::Contains("at least 1"),
                       Error);
  CHECK_THROWS_WITH_AS(Linear(random_key(1), 3, 2)(zeros(Shape{4, 2})),
                       doctest::Contains("linear: the input [4, 2] does not fit the weight [2, 3]"), Error);
  CHECK_THROWS_WITH_AS(activation_named("swish"), doctest::Contains("not one of identity, relu, tanh"),
                       Error);
  CHECK(activation_named("gelu") == Activation::gelu);
}

}  // namespace nabla::nn
