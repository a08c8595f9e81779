#include "nn/norm.h"

#include "tests/nn/layers.h"

namespace nabla::nn {
namespace {

// By loops: x [rows, count] less its mean where `centre` is set, over its root mean square.
std::vector<double> normalised(const Tensor& x, std::size_t count, bool centre, double epsilon) {
  std::vector<double> values = x.to_vector<double>();
  for (std::size_t row = 0; row < values.size(); row += count) {
    double total = 0, squares = 0;
    for (std::size_t i = row; i < row + count; ++i) total += values[i];
    for (std::size_t i = row; i < row + count; ++i) {
      if (centre) values[i] -= total / static_cast<double>(count);
      squares += values[i] * values[i];
    }
    for (std::size_t i = row; i < row + count; ++i)
      values[i] /= std::sqrt(squares / static_cast<double>(count) + epsilon);
  }
  return values;
}

// Elements times a weight and plus a bias, by the place of each among `repeat` times as many.
std::vector<double> affine(std::vector<double> x, const std::vector<double>& weight,
                           const std::vector<double>& bias, std::size_t repeat) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t place = i / repeat % weight.size();
    x[i] = x[i] * weight[place] + (bias.empty() ? 0 : bias[place]);
  }
  return x;
}

// Other values than the ones and zeros that a layer starts with.
void fill(const Module& module) {
  std::uint64_t seed = 40;
  for (const Parameter& parameter : module.parameters())
    parameter.cell->assign(normal(random_key(++seed), parameter.cell->shape(), DType::f64));
}

}  // namespace

TEST_CASE("a layer norm weighs every element of its shape") {
  const LayerNorm layer(Shape{2, 3}, {.epsilon = 0.1, .dtype = DType::f64});
  CHECK(listed(layer) == std::vector<std::string>{"weight [2, 3] f64", "bias [2, 3] f64"});
  CHECK(layer.parameter_count() == 12);
  const Tensor x = normal(random_key(1), Shape{4, 2, 3}, DType::f64);
  check_close(layer(x), normalised(x, 6, true, 0.1));
  fill(layer);
  check_close(layer(x), affine(normalised(x, 6, true, 0.1), layer.leaves()[0].to_vector<double>(),
                               layer.leaves()[1].to_vector<double>(), 1));
  check_gradients(layer, [&] { return layer(x); });

  const LayerNorm plain(Shape{3}, {.weight = false});
  CHECK(plain.parameters().empty());
  check_close(plain(cast(x, DType::f32)), normalised(x, 3, true, 1e-5), 1e-5);
  CHECK(listed(LayerNorm(Shape{3}, {.bias = false})) == std::vector<std::string>{"weight [3] f32"});
}

TEST_CASE("an rms norm has a weight alone") {
  const RmsNorm layer(Shape{3}, {.epsilon = 0.1, .dtype = DType::f64});
  CHECK(listed(layer) == std::vector<std::string>{"weight [3] f64"});
  const Tensor x = normal(random_key(1), Shape{4, 2, 3}, DType::f64);
  check_close(layer(x), normalised(x, 3, false, 0.1));
  fill(layer);
  check_close(layer(x), affine(normalised(x, 3, false, 0.1), layer.leaves()[0].to_vector<double>(), {}, 1));
  check_gradients(layer, [&] { return layer(x); });

  const RmsNorm usual(Shape{3}, {.weight = false, .dtype = DType::f64});
  CHECK(usual.parameters().empty());
  const Tensor small = x * 1e-8;
  check_close(usual(small), normalised(small, 3, false, std::numeric_limits<double>::epsilon()));
}

TEST_CASE("a group norm weighs channels") {
  const Tensor x = normal(random_key(1), Shape{3, 4, 2, 5}, DType::f64);
  const GroupNorm layer(2, 4, {.epsilon = 0.1, .dtype = DType::f64});
  CHECK(listed(layer) == std::vector<std::string>{"weight [4] f64", "bias [4] f64"});
  check_close(layer(x), normalised(x, 20, true, 0.1));
  fill(layer);
  check_close(layer(x), affine(normalised(x, 20, true, 0.1), layer.leaves()[0].to_vector<double>(),
                               layer.leaves()[1].to_vector<double>(), 10));
  check_gradients(layer, [&] { return layer(x); });

  const GroupNorm flat(3, 6, {.spatial = 0, .affine = false, .dtype = DType::f64});
  CHECK(flat.parameters().empty());
  const Tensor rows = normal(random_key(2), Shape{4, 6}, DType::f64);
  check_close(flat(rows), normalised(rows, 2, true, 1e-5));
}

TEST_CASE("normalising layers refuse what does not fit") {
  CHECK_THROWS_WITH_AS(LayerNorm(Shape{2, 3})(zeros({2, 2})),
                       doctest::Contains("layer norm: the input [2, 2] must end in the extents [2, 3]"),
                       Error);
  CHECK_THROWS_WITH_AS(LayerNorm(Shape{2, 3})(zeros({3})), doctest::Contains("must end in"), Error);
  CHECK_THROWS_WITH_AS(LayerNorm(Shape{}), doctest::Contains("layer norm: the shape [] has no axis"), Error);
  CHECK_THROWS_WITH_AS(RmsNorm(Shape{3})(zeros({3, 1})),
                       doctest::Contains("rms norm: the input [3, 1] must end in the extents [3]"), Error);
  CHECK_THROWS_WITH_AS(RmsNorm(Shape{}), doctest::Contains("rms norm: the shape [] has no axis"), Error);
  CHECK_THROWS_WITH_AS(GroupNorm(2, 4)(zeros({2, 4, 3})),
                       doctest::Contains("group norm: the input [2, 4, 3] must have 4 channels before 2"),
                       Error);
  CHECK_THROWS_WITH_AS(GroupNorm(2, 4)(zeros({4, 3})), doctest::Contains("must have 4 channels"), Error);
  CHECK_THROWS_WITH_AS(GroupNorm(3, 4),
                       doctest::Contains("group norm: 4 channels in 3 groups before 2 spatial"), Error);
  CHECK_THROWS_WITH_AS(GroupNorm(0, 4), doctest::Contains("4 channels in 0 groups"), Error);
  CHECK_THROWS_WITH_AS(GroupNorm(1, 4, {.spatial = -1}), doctest::Contains("before -1 spatial axes"), Error);
}

}  // namespace nabla::nn
