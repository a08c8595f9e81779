#include "nn/linear.h"

#include <cmath>

#include "tests/nn/layers.h"

namespace nabla::nn {

TEST_CASE("a linear layer is x W^T + b, with PyTorch's names and layouts") {
  const Linear layer(random_key(1), 3, 2, {.dtype = DType::f64});
  CHECK(listed(layer) == std::vector<std::string>{"weight [2, 3] f64", "bias [2] f64"});
  CHECK(layer.inputs() == 3);
  CHECK(layer.outputs() == 2);
  CHECK(listed(Linear(random_key(1), 3, 2, {.bias = false})) ==
        std::vector<std::string>{"weight [2, 3] f32"});
  layer.parameter("weight").assign(tensor<double>({1, 2, 3, 4, 5, 6}, {2, 3}));
  layer.parameter("bias").assign(tensor<double>({10, 20}, {2}));
  check_close(layer(tensor<double>({1, 0, -1}, {3})), {8, 18}, 0);
  const Tensor y = layer(tensor<double>({1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1}, {2, 2, 3}));
  CHECK(y.shape() == Shape{2, 2, 2});
  check_close(y, {11, 24, 12, 25, 13, 26, 16, 35}, 0);
  check_gradients(layer, [&] { return layer(tensor<double>({1, -2, 0.5, 3, 0.25, -1}, {2, 3})); });
}

TEST_CASE("the initial weight is drawn input by input") {
  const Linear layer(random_key(5), 6, 4, {.gain = 3, .dtype = DType::f64});
  const Tensor drawn = normal(random_key(5), Shape{6, 4}, DType::f64) * (3 / std::sqrt(6.0));
  check_close(layer.parameter("weight").get(), transpose(drawn).to_vector<double>(), 0);
}

TEST_CASE("the gradient of a weight lies as the weight does") {
  // What an optimizer reads beside it, more than once: turned round it would be read across memory.
  const Tensor x = normal(random_key(2), Shape{64, 24}), w = normal(random_key(3), Shape{16, 24});
  const auto step = compile([&](const Tensor& at) {
    const Tensor g = grad([&](const Tensor& weight) { return sum(square(times_transpose(x, weight))); }, at);
    return at - 0.1 * g - square(g);
  });
  step(w).value();
  CHECK(explain(step).find("[1, 16, 24] f32") != std::string::npos);
}

}  // namespace nabla::nn
