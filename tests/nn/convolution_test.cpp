#include "nn/convolution.h"

#include "nn/initialise.h"
#include "tests/nn/layers.h"

namespace nabla::nn {
namespace {

// One element of an image [N, C, H, W], 0 outside.
double at(const std::vector<double>& x, const Shape& shape, std::int64_t n, std::int64_t c, std::int64_t h,
          std::int64_t w) {
  if (h < 0 || w < 0 || h >= shape[2] || w >= shape[3]) return 0;
  return x[static_cast<std::size_t>(((n * shape[1] + c) * shape[2] + h) * shape[3] + w)];
}

struct Window {
  std::int64_t stride, padding, dilation, groups;
};

std::vector<double> convolved(const Tensor& data, const Tensor& weight, const Tensor& bias, const Window& by,
                              const Shape& result) {
  const std::vector<double> x = data.to_vector<double>(), k = weight.to_vector<double>(),
                            b = bias.to_vector<double>();
  const Shape& s = data.shape();
  const Shape& ks = weight.shape();
  std::vector<double> out;
  for (std::int64_t n = 0; n < result[0]; ++n)
    for (std::int64_t o = 0; o < result[1]; ++o)
      for (std::int64_t h = 0; h < result[2]; ++h)
        for (std::int64_t w = 0; w < result[3]; ++w) {
          double total = b[static_cast<std::size_t>(o)];
          const std::int64_t group = o / (result[1] / by.groups);
          for (std::int64_t c = 0; c < ks[1]; ++c)
            for (std::int64_t i = 0; i < ks[2]; ++i)
              for (std::int64_t j = 0; j < ks[3]; ++j)
                total += at(k, ks, o, c, i, j) * at(x, s, n, group * ks[1] + c,
                                                    h * by.stride + i * by.dilation - by.padding,
                                                    w * by.stride + j * by.dilation - by.padding);
          out.push_back(total);
        }
  return out;
}

// Every element of the data adds the window, times itself, to the result.
std::vector<double> transposed(const Tensor& data, const Tensor& weight, const Tensor& bias, const Window& by,
                               const Shape& result) {
  const std::vector<double> x = data.to_vector<double>(), k = weight.to_vector<double>(),
                            b = bias.to_vector<double>();
  const Shape& s = data.shape();
  const Shape& ks = weight.shape();
  std::vector<double> out(static_cast<std::size_t>(result.size()));
  const std::int64_t area = result[2] * result[3];
  for (std::size_t e = 0; e < out.size(); ++e)
    out[e] = b[e / static_cast<std::size_t>(area) % static_cast<std::size_t>(result[1])];
  for (std::int64_t n = 0; n < s[0]; ++n)
    for (std::int64_t c = 0; c < s[1]; ++c)
      for (std::int64_t h = 0; h < s[2]; ++h)
        for (std::int64_t w = 0; w < s[3]; ++w)
          for (std::int64_t o = 0; o < ks[1]; ++o)
            for (std::int64_t i = 0; i < ks[2]; ++i)
              for (std::int64_t j = 0; j < ks[3]; ++j) {
                const std::int64_t y = h * by.stride + i * by.dilation - by.padding;
                const std::int64_t z = w * by.stride + j * by.dilation - by.padding;
                if (y < 0 || z < 0 || y >= result[2] || z >= result[3]) continue;
                const std::int64_t channel = c / (s[1] / by.groups) * ks[1] + o;
                out[static_cast<std::size_t>(((n * result[1] + channel) * result[2] + y) * result[3] + z)] +=
                    at(x, s, n, c, h, w) * at(k, ks, c, o, i, j);
              }
  return out;
}

ConvolutionOptions options_of(const Window& by) {
  return {.stride = {by.stride}, .padding = {by.padding}, .dilation = {by.dilation}, .groups = by.groups};
}

constexpr Window kWindows[] = {{1, 0, 1, 1}, {2, 1, 1, 1}, {1, 2, 2, 2}, {3, 1, 2, 2}};

}  // namespace

TEST_CASE("a convolutional layer is a loop over windows, with a bias for each channel") {
  const Tensor x = normal(random_key(1), Shape{2, 4, 6, 7}, DType::f64);
  for (const Window& by : kWindows) {
    CAPTURE(by.stride);
    CAPTURE(by.groups);
    const Convolution layer(random_key(2), 4, 6, {3, 2}, {.window = options_of(by), .dtype = DType::f64});
    const Tensor y = layer(x);
    check_close(y, convolved(x, layer.leaves()[0], layer.leaves()[1], by, y.shape()));
    check_gradients(layer, [&] { return layer(x); });
  }
  const Convolution plain(random_key(2), 4, 6, {3, 2}, {.bias = false, .dtype = DType::f64});
  const Tensor y = plain(x);
  CHECK(y.shape() == Shape{2, 6, 4, 6});
  check_close(y, convolved(x, plain.leaves()[0], zeros(Shape{6}, DType::f64), kWindows[0], y.shape()));
}

TEST_CASE("a transposed convolutional layer is a loop over the data, with a bias for each channel") {
  const Tensor x = normal(random_key(1), Shape{2, 4, 3, 4}, DType::f64);
  for (const Window& by : kWindows) {
    CAPTURE(by.stride);
    CAPTURE(by.groups);
    const TransposedConvolution layer(
        random_key(2), 4, 6, {3, 2},
        {.window = {.window = options_of(by), .output_padding = {by.stride - 1}}, .dtype = DType::f64});
    const Tensor y = layer(x);
    check_close(y, transposed(x, layer.leaves()[0], layer.leaves()[1], by, y.shape()));
    check_gradients(layer, [&] { return layer(x); });
  }
}

TEST_CASE("convolutional layers of one and three axes, and of a single sample") {
  const Convolution line(random_key(1), 2, 3, {3}, {.dtype = DType::f64});
  const Tensor x = normal(random_key(2), Shape{2, 5}, DType::f64);
  check_close(line(x), convolved(reshape(x, {1, 2, 1, 5}), reshape(line.leaves()[0], {3, 2, 1, 3}),
                                 line.leaves()[1], kWindows[0], Shape{1, 3, 1, 3}));
  CHECK(line(x).shape() == Shape{3, 3});
  const Convolution space(random_key(1), 2, 3, {2, 1, 2}, {.window = {.stride = {1, 2, 1}}});
  CHECK(space(zeros({5, 2, 3, 4, 5})).shape() == Shape{5, 3, 2, 2, 4});
  const TransposedConvolution up(random_key(1), 2, 3, {2}, {.window = {.window = {.stride = {2}}}});
  CHECK(up(zeros({4, 2, 5})).shape() == Shape{4, 3, 10});
}

TEST_CASE("convolutional layers have PyTorch's names, layouts and initial values") {
  const Convolution a(random_key(1), 16, 32, {3, 5}, {.window = {.groups = 4}});
  CHECK(listed(a) == std::vector<std::string>{"weight [32, 4, 3, 5] f32", "bias [32] f32"});
  CHECK(a.parameter_count() == 32 * 4 * 15 + 32);
  check_uniform(a.leaves()[0], 1 / std::sqrt(4.0 * 15));
  CHECK(a.leaves()[0].to_vector<float>()[0] != a.leaves()[1].to_vector<float>()[0]);
  // 32 numbers, too few for more.
  const Tensor largest = reduce_max(abs(a.leaves()[1]));
  CHECK(largest.item() <= 1 / std::sqrt(4.0 * 15));
  CHECK(largest.item() > 0.5 / std::sqrt(4.0 * 15));
  CHECK(listed(Convolution(random_key(1), 2, 3, {1}, {.bias = false, .dtype = DType::f64})) ==
        std::vector<std::string>{"weight [3, 2, 1] f64"});

  const TransposedConvolution b(random_key(1), 16, 32, {3, 5}, {.window = {.window = {.groups = 4}}});
  CHECK(listed(b) == std::vector<std::string>{"weight [16, 8, 3, 5] f32", "bias [32] f32"});
  check_uniform(b.leaves()[0], 1 / std::sqrt(8.0 * 15));

  const Convolution same(random_key(1), 16, 32, {3, 5}, {.window = {.groups = 4}});
  const Convolution other(random_key(2), 16, 32, {3, 5}, {.window = {.groups = 4}});
  CHECK(a.leaves()[0].to_vector<float>() == same.leaves()[0].to_vector<float>());
  CHECK(a.leaves()[0].to_vector<float>() != other.leaves()[0].to_vector<float>());
}

TEST_CASE("convolutional layers refuse what does not fit") {
  const auto refuses = [](std::int64_t inputs, std::int64_t outputs, const std::vector<std::int64_t>& extents,
                          std::int64_t groups, const char* text) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(Convolution(random_key(1), inputs, outputs, extents, {.window = {.groups = groups}}),
                         doctest::Contains((std::string("convolution: a weight ") + text).c_str()), Error);
    CHECK_THROWS_WITH_AS(TransposedConvolution(random_key(1), outputs, inputs, extents,
                                               {.window = {.window = {.groups = groups}}}),
                         doctest::Contains((std::string("transposed_convolution: a weight ") + text).c_str()),
                         Error);
  };
  refuses(3, 4, {3}, 2, "[4, 1, 3] of 2 groups; there must be one to three extents");
  refuses(4, 3, {3}, 2, "[3, 2, 3] of 2 groups");
  refuses(4, 4, {3}, 0, "[4, 4, 3] of 0 groups");
  refuses(4, 4, {3}, -2, "[4, 4, 3] of -2 groups");
  refuses(0, 4, {3}, 1, "[4, 0, 3] of 1 groups");
  refuses(4, 0, {3}, 1, "[0, 4, 3] of 1 groups");
  refuses(4, 4, {3, 0}, 1, "[4, 4, 3, 0] of 1 groups");
  refuses(4, 4, {}, 1, "[4, 4] of 1 groups");
  refuses(4, 4, {1, 1, 1, 1}, 1, "[4, 4, 1, 1, 1, 1] of 1 groups");
  const Convolution layer(random_key(1), 4, 6, {3, 3});
  CHECK_THROWS_WITH_AS(layer(zeros({2, 3, 5, 5})),
                       doctest::Contains("convolution: operands [2, 3, 5, 5] f32 and [6, 4, 3, 3] f32"),
                       Error);
  CHECK_THROWS_WITH_AS(layer(zeros({2, 4, 2, 5})), doctest::Contains("the window of 3 does not fit"), Error);
  CHECK_THROWS_WITH_AS(layer(zeros({4, 5})), doctest::Contains("the data needs an axis of channels"), Error);
  const TransposedConvolution up(random_key(1), 4, 6, {3, 3});
  CHECK_THROWS_WITH_AS(up(zeros({2, 6, 5, 5})), doctest::Contains("operands [4, 6, 3, 3] f32 and [2, 6"),
                       Error);
  CHECK_THROWS_WITH_AS(fan_in_uniform(random_key(1), Shape{2}, 0, DType::f32),
                       doctest::Contains("fan_in_uniform: a parameter [2] of fan-in 0"), Error);
}

}  // namespace nabla::nn
