#include "engine/ops/normalise.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

void check_within(const Tensor& found, const std::vector<double>& expected, double tolerance) {
  const std::vector<double> got = values(found);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CAPTURE(got[i]);
    CAPTURE(expected[i]);
    CHECK(std::abs(got[i] - expected[i]) <= tolerance);
  }
}

// Groups of elements that are normalised together, by a loop over each; `of` tells the group of an element.
template <class Group>
std::vector<double> normalised(std::vector<double> x, std::size_t groups, bool centre, double epsilon,
                               const Group& of) {
  for (std::size_t g = 0; g < groups; ++g) {
    double count = 0, total = 0, squares = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (of(i) == g) count += 1, total += x[i];
    const double middle = centre ? total / count : 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (of(i) == g) squares += (x[i] - middle) * (x[i] - middle);
    for (std::size_t i = 0; i < x.size(); ++i)
      if (of(i) == g) x[i] = (x[i] - middle) / std::sqrt(squares / count + epsilon);
  }
  return x;
}

}  // namespace

TEST_CASE("normalisations are those of a loop") {
  const Tensor x = normal(random_key(3), Shape{2, 6, 2, 5}, DType::f64) * 3 + 1;
  const std::vector<double> given = values(x);
  check_within(layer_norm(x), normalised(given, 24, true, 1e-5, [](std::size_t i) { return i / 5; }), 1e-14);
  check_within(layer_norm(x, 3, 0.1), normalised(given, 2, true, 0.1, [](std::size_t i) { return i / 60; }),
               1e-14);
  check_within(rms_norm(x, 2, 0.1), normalised(given, 12, false, 0.1, [](std::size_t i) { return i / 10; }),
               1e-14);
  check_within(group_norm(x, 3, 2), normalised(given, 6, true, 1e-5, [](std::size_t i) { return i / 20; }),
               1e-14);
  check_within(group_norm(x, 2, 1), normalised(given, 24, true, 1e-5, [](std::size_t i) { return i / 5; }),
               1e-14);
  CHECK(group_norm(x, 3, 2).shape() == x.shape());
  // Of one element x it is x / sqrt(x^2 + epsilon).
  const double step = std::numeric_limits<double>::epsilon();
  check_within(rms_norm(f64({1e-8}, {1})), {1e-8 / std::sqrt(1e-16 + step)}, 1e-15);
  const double narrow = std::numeric_limits<float>::epsilon();
  check_within(rms_norm(tensor<float>({1e-4F}, {1})), {1e-4 / std::sqrt(1e-8 + narrow)}, 1e-7);
}

TEST_CASE("equal elements have no variance, and the derivative of small deviations") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const double value : {0.0, 0.1, 1e6 / 3, 1e8 / 3, -1e10 / 7})
      for (const std::int64_t count : {1, 3, 7, 100}) {
        CAPTURE(value);
        CAPTURE(count);
        const Tensor x = full(Shape{1, count}, value, dtype).detach();
        check_within(layer_norm(x), std::vector<double>(static_cast<std::size_t>(count)), 1e-2);
        const Tensor seed = pad(ones(Shape{1, 1}, dtype), -1, 0, count - 1);
        const double n = static_cast<double>(count);
        std::vector<double> expected(static_cast<std::size_t>(count), -1 / n / std::sqrt(1e-5));
        expected[0] += 1 / std::sqrt(1e-5);
        check_within(vjp([](const Tensor& at) { return layer_norm(at); }, x, seed).cotangent, expected, 0.05);
        check_within(jvp([](const Tensor& at) { return layer_norm(at); }, x, seed).tangent, expected, 0.05);
      }
}

TEST_CASE("what all elements share does not count, in f32 either") {
  const Tensor near = layer_norm(tensor<float>({1, 2, 3, 4, 6}, {5}));
  const Tensor far = layer_norm(tensor<float>({8000001, 8000002, 8000003, 8000004, 8000006}, {5}));
  check_within(far, values(near), 3e-7);
}

TEST_CASE("normalisations refuse what they cannot normalise") {
  const Tensor x = zeros(Shape{2, 6, 4});
  const auto refuses = [](auto make, const char* text) {
    CHECK_THROWS_WITH_AS(make(), doctest::Contains(text), Error);
  };
  refuses([&] { return layer_norm(x, 4); },
          "layer_norm: operands [2, 6, 4] f32: there are no 4 innermost axes");
  refuses([&] { return layer_norm(x, 0); }, "there are no 0 innermost axes");
  refuses([&] { return rms_norm(zeros(Shape{}), 1); },
          "rms_norm: operands [] f32: there are no 1 innermost axes");
  refuses([&] { return rms_norm(zeros(Shape{2}, DType::i32)); },
          "rms_norm: operands [2] i32: needs a floating");
  refuses([&] { return layer_norm(x, 1, 0); }, "epsilon is 0; it must be positive");
  refuses([&] { return layer_norm(x, 1, 1e-60); }, "positive and finite in the type of the data");
  refuses([&] { return rms_norm(x, 1, std::nan("")); }, "it must be positive");
  refuses([&] { return group_norm(x, 4, 1); },
          "group_norm: operands [2, 6, 4] f32: 6 channels do not fall into 4 groups");
  refuses([&] { return group_norm(x, 0, 1); }, "into 0 groups");
  refuses([&] { return group_norm(x, 2, 3); }, "there are no 4 innermost axes");
}

}  // namespace nabla::test
