#include "nn/embedding.h"

#include "tests/nn/layers.h"

namespace nabla::nn {

TEST_CASE("an embedding gives the rows of its classes, and gradients to these alone") {
  const Embedding layer(random_key(1), 5, 3, {.dtype = DType::f64});
  CHECK(listed(layer) == std::vector<std::string>{"weight [5, 3] f64"});
  CHECK(layer.count() == 5);
  CHECK(layer.width() == 3);
  const std::vector<double> table = layer.leaves()[0].to_vector<double>();
  const std::vector<std::int32_t> classes{4, 0, 2, 2, 4, 4};
  std::vector<double> expected;
  std::vector<double> uses(15);
  for (const std::int32_t c : classes)
    for (std::int32_t i = 0; i < 3; ++i) {
      const std::size_t place = static_cast<std::size_t>(3 * c + i);
      expected.push_back(table[place]);
      uses[place] += 1;
    }
  const Tensor y = layer(tensor(classes, {2, 3}));
  CHECK(y.shape() == Shape{2, 3, 3});
  check_close(y, expected, 0);
  check_close(layer(tensor<std::int64_t>({3}, Shape{})), {table[9], table[10], table[11]}, 0);
  CHECK(layer(zeros({0, 2}, DType::i64)).shape() == Shape{0, 2, 3});
  check_close(value_and_grad(layer,
                             [&]() -> std::vector<Tensor> {
                               return {sum(layer(tensor(classes, {2, 3})))};
                             })
                  .gradients[0],
              uses, 0);
  check_gradients(layer, [&] { return layer(tensor(classes, {2, 3})); });
}

TEST_CASE("an embedding starts with standard normal numbers") {
  const std::vector<float> x = Embedding(random_key(1), 100, 100).leaves()[0].to_vector<float>();
  double total = 0, squares = 0, fourth = 0;
  for (const double v : x) total += v, squares += v * v, fourth += v * v * v * v;
  CHECK(std::abs(total / 1e4) < 0.05);
  CHECK(squares / 1e4 == doctest::Approx(1).epsilon(0.05));
  CHECK(fourth / 1e4 == doctest::Approx(3).epsilon(0.15));
}

TEST_CASE("an embedding refuses what are no classes") {
  const Embedding layer(random_key(1), 5, 3);
  CHECK_THROWS_WITH_AS(layer(zeros({2})),
                       doctest::Contains("embedding: classes [2] f32 must be of an integer"), Error);
  CHECK_THROWS_AS(evaluate({layer(tensor<std::int64_t>({5}, {1}))}), Error);
  CHECK_THROWS_AS(evaluate({layer(tensor<std::int64_t>({-1}, {1}))}), Error);
  CHECK_THROWS_WITH_AS(Embedding(random_key(1), 0, 3), doctest::Contains("embedding: 0 classes of width 3"),
                       Error);
  CHECK_THROWS_WITH_AS(Embedding(random_key(1), 3, 0), doctest::Contains("3 classes of width 0"), Error);
}

}  // namespace nabla::nn
