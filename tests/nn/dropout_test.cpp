#include "nn/dropout.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"

namespace nabla::nn {

TEST_CASE("dropout zeroes the share it is told to and scales the rest") {
  const Dropout dropout(0.3);
  const std::vector<double> found =
      dropout(full(Shape{100, 200}, 2, DType::f64), random_key(3)).to_vector<double>();
  double zeroed = 0;
  for (const double y : found) {
    if (y == 0)
      ++zeroed;
    else
      CHECK(y == doctest::Approx(2 / 0.7).epsilon(1e-15));
  }
  // Five standard deviations of a binomial distribution.
  CHECK(std::abs(zeroed - 0.3 * 20000) < 5 * std::sqrt(20000 * 0.3 * 0.7));
}

TEST_CASE("the key alone says which elements dropout zeroes, and without one there are none") {
  const Dropout dropout(0.5);
  const Tensor x = normal(random_key(1), Shape{64});
  CHECK(dropout(x, random_key(2)).to_vector<float>() == dropout(x, random_key(2)).to_vector<float>());
  CHECK(dropout(x, random_key(2)).to_vector<float>() != dropout(x, random_key(3)).to_vector<float>());
  CHECK(&dropout(x).node() == &x.node());
  CHECK(&Dropout(0)(x, random_key(2)).node() == &x.node());
}

TEST_CASE("tangents, cotangents and the divergence of dropout see the elements that were kept") {
  const Dropout dropout(0.4);
  const Tensor x = normal(random_key(1), Shape{5, 7}, DType::f64);
  const Tensor key = random_key(2);
  const auto f = [&](const Tensor& at) { return dropout(at, key); };
  const Tensor kept = dropout(ones_like(x), key);
  const Tensor v = normal(random_key(3), x.shape(), DType::f64);
  CHECK(jvp(f, x, v).tangent.to_vector<double>() == (kept * v).to_vector<double>());
  CHECK(vjp(f, x, v).cotangent.to_vector<double>() == (kept * v).to_vector<double>());
  CHECK(divergence(f, x).to_vector<double>() == sum(kept, {-1}).to_vector<double>());
  CHECK(sum(kept).item() > 0);
  CHECK(sum(cast(equal(kept, 0), DType::f64)).item() > 0);
}

TEST_CASE("a compiled step draws other elements for another key") {
  const Dropout dropout(0.5);
  const Tensor x = ones(Shape{64});
  const auto drop = compile([&](const Tensor& turn) { return dropout(x, fold_in(random_key(1), turn)); });
  const std::vector<float> first = drop(0).to_vector<float>(), second = drop(1).to_vector<float>();
  CHECK(first != second);
  CHECK(first == dropout(x, fold_in(random_key(1), 0)).to_vector<float>());
}

TEST_CASE("dropout refuses what makes no sense") {
  CHECK_THROWS_WITH_AS(Dropout(1), "dropout: the probability 1 is not in [0, 1)", Error);
  CHECK_THROWS_WITH_AS(Dropout(-0.1), doctest::Contains("-0.1 is not in [0, 1)"), Error);
  CHECK_THROWS_WITH_AS(Dropout(std::nan("")), doctest::Contains("is not in [0, 1)"), Error);
  CHECK_THROWS_WITH_AS(Dropout(0.5)(zeros({2}, DType::i32)),
                       "dropout: the input [2] i32 needs a floating type; cast first", Error);
}

}  // namespace nabla::nn
