#include "engine/ops/upsampled_convolution.h"

#include <limits>
#include <random>

#include "engine/plan/cost.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

struct UpsampledDraw {
  Shape data, weight;
  std::vector<std::int64_t> factors;
  ConvolutionOptions options;

  // Of `width` times as many channels.
  explicit UpsampledDraw(std::uint64_t seed, std::int64_t width = 1) {
    std::mt19937_64 random(seed);
    const auto pick = [&](std::int64_t low, std::int64_t high) {
      return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
    };
    options.groups = pick(1, 3) == 3 ? 2 : 1;
    const std::int64_t inputs = width * pick(1, 3), outputs = width * pick(1, 3);
    data = {pick(1, 3), options.groups * inputs};
    weight = {options.groups * outputs, inputs};
    const std::int64_t spatial = pick(1, 3);
    for (std::int64_t i = 0; i < spatial; ++i) {
      factors.push_back(pick(1, 3));
      data.push_back(pick(1, 5));
      weight.push_back(pick(1, 4));
      // Mostly what is done at once: padding is narrower than the window.
      const std::int64_t widest = pick(0, 9) == 0 ? weight[-1] + 1 : weight[-1] - 1;
      const std::int64_t before = pick(0, widest), after = pick(0, widest);
      options.padding.push_back(before);
      const std::int64_t missing = weight[-1] - data[-1] * factors.back() - before - after;
      options.padding_after.push_back(after + std::max<std::int64_t>(0, missing));
    }
    if (pick(0, 9) == 0) options.stride = {2};
    if (pick(0, 9) == 0) options.dilation = {1};
  }
};

Tensor in_two_steps(const Tensor& x, const Tensor& w, const UpsampledDraw& draw) {
  return convolution(upsample_nearest(x, draw.factors), w, draw.options);
}

void check_draw(const UpsampledDraw& draw, DType dtype, double most) {
  const Tensor x = random_normal(draw.data, 1, dtype), w = random_normal(draw.weight, 2, dtype);
  const auto at_once = [&](const Tensor& a, const Tensor& b) {
    return upsampled_convolution(a, b, draw.factors, draw.options);
  };
  const Tensor expected = in_two_steps(x, w, draw);
  REQUIRE(at_once(x, w).shape() == expected.shape());
  CHECK(distance(at_once(x, w), expected) < most);
  const Tensor cotangent = random_normal(expected.shape(), 3, dtype);
  const auto by_weight = [&](const auto& f) {
    return vjp([&](const Tensor& v) { return f(x, v); }, w, cotangent).cotangent;
  };
  const auto by_data = [&](const auto& f) {
    return vjp([&](const Tensor& v) { return f(v, w); }, x, cotangent).cotangent;
  };
  const auto two = [&](const Tensor& a, const Tensor& b) { return in_two_steps(a, b, draw); };
  CHECK(distance(by_weight(at_once), by_weight(two)) < most);
  CHECK(distance(by_data(at_once), by_data(two)) < most);
}

}  // namespace

TEST_CASE("a convolution of an upsampled picture is what upsampling and convolution give") {
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    INFO("seed ", seed);
    check_draw(UpsampledDraw(seed), DType::f64, 1e-12);
    check_draw(UpsampledDraw(seed), DType::f32, 1e-4);
  }
  // What a library takes where there is one.
  for (std::uint64_t seed = 80; seed < 90; ++seed) {
    INFO("seed ", seed);
    check_draw(UpsampledDraw(seed, 16), DType::f32, 1e-3);
  }
}

TEST_CASE("an infinite weight reaches the places that it is seen from, and makes no NaN of others") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = full({1, 1, 3}, 1, DType::f64), w = f64({1, infinity, 2}, {1, 1, 3});
  CHECK(values(upsampled_convolution(x, w, {2})) == values(convolution(upsample_nearest(x, {2}), w)));
  CHECK(values(upsampled_convolution(x, w, {2})) == std::vector<double>(4, infinity));
}

TEST_CASE("a convolution of a picture twice as high and wide takes four ninths of the products") {
  const Tensor x = random_normal({2, 16, 14, 14}, 1), w = random_normal({16, 16, 3, 3}, 2);
  const auto operations = [](const Tensor& output) {
    return cost_of(*make_plan(std::span(&output, 1)).plan).flops;
  };
  const ConvolutionOptions same{.padding = {1}};
  const double at_once = operations(upsampled_convolution(x, w, {2, 2}, same));
  const double in_two = operations(convolution(upsample_nearest(x, {2, 2}), w, same));
  // What makes the weights that fall on one element is a hundredth.
  CHECK(at_once / in_two > 4.0 / 9);
  CHECK(at_once / in_two < 0.46);
}

TEST_CASE("faults of a convolution of an upsampled picture are named by the one of the two that has it") {
  const Tensor x = zeros({2, 6, 5, 5}), w = zeros({4, 6, 3, 3});
  const auto refusal = [](const Tensor& data, const Tensor& weight, const std::vector<std::int64_t>& factors,
                          const ConvolutionOptions& options) {
    return error_of([&] { upsampled_convolution(data, weight, factors, options); });
  };
  CHECK(contains(refusal(x, w, {2, 0}, {}), "upsample_nearest: operands [2, 6, 5, 5] f32: a factor is 0"));
  CHECK(contains(refusal(x, w, {2, 2}, {.padding = {-1}}), "convolution: operands"));
  CHECK(contains(refusal(x, w, {2, 2}, {.padding = {1, 1, 1}}), "padding has 3 numbers"));
  CHECK(contains(refusal(x, w, {2, 2}, {.groups = 0}), "0 groups"));
  CHECK(contains(refusal(x, w, {2, 2}, {.groups = 3}), "do not fit in 3 groups"));
  CHECK(contains(
      refusal(x, zeros({4, 5, 3, 3}), {2, 2}, {}),
      "convolution: operands [2, 6, 10, 10] f32 and [4, 5, 3, 3] f32: channels or samples do not fit"));
  CHECK(contains(refusal(x, zeros({4, 6, 3, 3}, DType::f64), {2, 2}, {}), "differ in type"));
  CHECK(contains(refusal(x, zeros({4, 6, 11, 3}), {2, 2}, {}), "the window of 11 does not fit"));
  // One factor, and data of a sample alone: factors are for the innermost axes.
  CHECK(upsampled_convolution(x, w, {2}, {}).shape() == Shape{2, 4, 3, 8});
  CHECK(upsampled_convolution(zeros({6, 5, 5}), w, {2, 2}, {}).shape() == Shape{4, 8, 8});
}

}  // namespace nabla::test
