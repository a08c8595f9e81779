#include "engine/ops/pooling.h"

#include <algorithm>

#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

// What lies under each window of [n, H, W], window after window.
std::vector<std::vector<double>> under_windows(const Tensor& x, std::int64_t high, std::int64_t wide) {
  const std::vector<double> from = values(x);
  const Shape& s = x.shape();
  std::vector<std::vector<double>> result;
  for (std::int64_t n = 0; n < s[0]; ++n)
    for (std::int64_t h = 0; h < s[1]; h += high)
      for (std::int64_t w = 0; w < s[2]; w += wide) {
        result.emplace_back();
        for (std::int64_t i = 0; i < high; ++i)
          for (std::int64_t j = 0; j < wide; ++j)
            result.back().push_back(from[static_cast<std::size_t>((n * s[1] + h + i) * s[2] + w + j)]);
      }
  return result;
}

// PyTorch's formula for align_corners=False, element by element, along the innermost axis of [n, S].
std::vector<double> interpolated(const Tensor& x, std::int64_t factor) {
  const std::vector<double> from = values(x);
  const std::int64_t count = x.shape()[0], extent = x.shape()[1];
  std::vector<double> result;
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t i = 0; i < extent * factor; ++i) {
      const double place = std::max(0.0, (static_cast<double>(i) + 0.5) / static_cast<double>(factor) - 0.5);
      const auto low = static_cast<std::int64_t>(place);
      const std::int64_t high = std::min(low + 1, extent - 1);
      const double weight = place - static_cast<double>(low);
      result.push_back((1 - weight) * from[static_cast<std::size_t>(n * extent + low)] +
                       weight * from[static_cast<std::size_t>(n * extent + high)]);
    }
  return result;
}

}  // namespace

TEST_CASE("pooling goes over the windows that loops go over") {
  const Tensor x = random_normal({3, 4, 6}, 1);
  const auto windows = under_windows(x, 2, 3);
  const Tensor average = average_pool(x, {2, 3});
  const Tensor largest = max_pool(x, {2, 3}, {.stride = {2, 3}});
  REQUIRE(average.shape() == Shape{3, 2, 2});
  REQUIRE(largest.shape() == Shape{3, 2, 2});
  for (std::size_t i = 0; i < windows.size(); ++i) {
    double total = 0;
    for (const double v : windows[i]) total += v;
    CHECK(values(average)[i] == doctest::Approx(total / 6));
    CHECK(values(largest)[i] == *std::max_element(windows[i].begin(), windows[i].end()));
  }
  CHECK(distance(average_pool(x, {2, 2}, {.stride = {2}}), average_pool(x, {2, 2})) == 0);
  CHECK(values(max_pool(i64({1, 7, 3, 2}, {4}), {2})) == std::vector<double>{7, 3});
}

TEST_CASE("overlapping windows, padding and what they leave out are those of loops") {
  const Tensor x = random_normal({2, 5, 7}, 1);
  const std::vector<double> data = values(x);
  const PoolingOptions options{.stride = {2, 3}, .padding = {1, 0}};
  const Tensor average = average_pool(x, {3, 2}, options), largest = max_pool(x, {3, 2}, options);
  const Tensor windows = unfold(x, {3, 2}, {.stride = {2, 3}, .padding = {1, 0}});
  REQUIRE(average.shape() == Shape{2, 3, 2});
  REQUIRE(largest.shape() == Shape{2, 3, 2});
  REQUIRE(windows.shape() == Shape{2, 3, 2, 3, 2});
  std::size_t place = 0, element = 0;
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t top = -1; top < 5; top += 2)
      for (std::int64_t left = 0; left + 2 <= 7; left += 3, ++place) {
        double total = 0, most = -1e300;
        for (std::int64_t i = top; i < top + 3; ++i)
          for (std::int64_t j = left; j < left + 2; ++j, ++element) {
            const bool inside = i >= 0 && i < 5;
            const double v = inside ? data[static_cast<std::size_t>((n * 5 + i) * 7 + j)] : 0;
            CHECK(values(windows)[element] == v);
            total += v;
            if (inside) most = std::max(most, v);
          }
        CHECK(values(average)[place] == doctest::Approx(total / 6));
        CHECK(values(largest)[place] == most);
      }
  CHECK(values(max_pool(i64({1, 7, 3, 2}, {4}), {3}, {.stride = {1}})) == std::vector<double>{7, 7});
  CHECK(values(max_pool(i64({1, 7, 3, 9, 2}, {5}), {2})) == std::vector<double>{7, 9});
}

TEST_CASE("a convolution is a product with unfolded windows") {
  const Tensor x = random_normal({2, 3, 6, 5}, 1), w = random_normal({4, 3, 3, 2}, 2);
  const Tensor windows = unfold(x, {3, 2}, {.stride = {2, 1}, .padding = {1, 1}, .dilation = {1, 2}});
  const Tensor found = sum(insert_axes(windows, {-6}) * reshape(w, {4, 3, 1, 1, 3, 2}), {-5, -2, -1});
  CHECK(distance(found, convolution(x, w, {.stride = {2, 1}, .padding = {1, 1}, .dilation = {1, 2}})) <
        1e-12);
}

TEST_CASE("upsampling repeats, and interpolates as PyTorch does") {
  const Tensor x = random_normal({2, 3, 2}, 1);
  const Tensor near = upsample_nearest(x, {2, 3});
  REQUIRE(near.shape() == Shape{2, 6, 6});
  // What is repeated is the mean and the largest of its windows again.
  CHECK(distance(average_pool(near, {2, 3}), x) < 1e-15);
  CHECK(distance(max_pool(near, {2, 3}), x) == 0);
  CHECK(values(upsample_nearest(f64({1, 2}, {2}), {2})) == std::vector<double>{1, 1, 2, 2});

  // The example of torch.nn.Upsample.
  CHECK(values(upsample_linear(f64({1, 2, 3, 4}, {2, 2}), {2, 2})) ==
        std::vector<double>{1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4});
  for (const std::int64_t factor : {1, 2, 3, 5}) {
    const Tensor rows = random_normal({3, 4}, 2);
    CHECK(distance(upsample_linear(rows, {factor}), f64(interpolated(rows, factor), {3, 4 * factor})) <
          1e-14);
  }
  CHECK(upsample_linear(cast(x, DType::f32), {1, 4}).dtype() == DType::f32);
}

TEST_CASE("samples stay apart under windows and factors") {
  const auto field = [](const Tensor& x) {
    const Tensor pictures = reshape(x, {x.shape()[0], 2, 4, 4});
    const Tensor small = tanh(average_pool(pictures, {2, 2}) * max_pool(pictures, {2, 2}));
    return reshape(upsample_linear(small, {2, 2}) * upsample_nearest(small, {2, 2}), x.shape());
  };
  const Tensor x = random_normal({3, 32}, 1);
  const Tensor whole = jacobian(field, x);
  const Tensor trace = sum(whole * reshape(identity(96, DType::f64), whole.shape()), {1, 2, 3});
  CHECK(distance(divergence(field, x), trace) < 1e-12);
}

TEST_CASE("windows that do not go over the data and factors below one are refused") {
  const Tensor x = zeros({2, 4, 5});
  CHECK(contains(
      error_of([&] {
        average_pool(x, {2, 6});
      }),
      "average_pool: operands [2, 4, 5] f32: a window of 6 with stride 6 and padding 0 does not go over "
      "the 5 elements of axis -1; no window may be longer than the padded data, the padding half a "
      "window at most, and all but the padding must be positive"));
  CHECK(contains(error_of([&] { max_pool(x, {3}, {.padding = {2}}); }),
                 "max_pool: operands [2, 4, 5] f32: a window of 3 with stride 3 and padding 2 does not"));
  CHECK(contains(error_of([&] { max_pool(x, {3}, {.padding = {-1}}); }), "and padding -1 does not"));
  CHECK(contains(error_of([&] { average_pool(x, {0}); }), "a window of 0 with stride 0"));
  CHECK(contains(error_of([&] { average_pool(x, {1}, {.stride = {0}}); }), "a window of 1 with stride 0"));
  CHECK(contains(
      error_of([&] { unfold(x, {3}, {.dilation = {3}}); }),
      "unfold: operands [2, 4, 5] f32: a window of 3 with stride 1, dilation 3 and padding 0 does not"));
  CHECK(contains(error_of([&] { max_pool(zeros({4}, DType::i64), {2}, {.padding = {1}}); }),
                 "max_pool: operands [4] i64: is padded with minus infinity"));
  CHECK(contains(error_of([&] {
                   average_pool(x, {2, 5}, {.stride = {2, 5, 1}});
                 }),
                 "stride has 3 numbers for 2 spatial axes"));
  CHECK(contains(error_of([&] { average_pool(x, {}); }), "there are no 0 innermost axes"));
  CHECK(contains(error_of([&] { average_pool(x, {1, 1, 1, 1}); }), "there are no 4 innermost axes"));
  CHECK(contains(error_of([&] { average_pool(zeros({4}, DType::i64), {2}); }),
                 "average_pool: operands [4] i64: needs a floating type; cast first"));
  CHECK(contains(error_of([&] { max_pool(zeros({4}, DType::boolean), {2}); }),
                 "max_pool: operands [4] bool: needs numbers that have an order"));
  CHECK(contains(error_of([&] { upsample_nearest(x, {0}); }),
                 "upsample_nearest: operands [2, 4, 5] f32: a factor is 0; it must be at least 1"));
  CHECK(contains(error_of([&] {
                   upsample_linear(x, {2, -1});
                 }),
                 "upsample_linear: operands [2, 4, 5] f32: a factor is -1"));
  CHECK(contains(error_of([&] { upsample_linear(zeros({4}, DType::i64), {2}); }),
                 "upsample_linear: operands [4] i64: needs a floating type"));
  CHECK(contains(error_of([&] { upsample_nearest(x, {}); }), "there are no 0 innermost axes"));
}

}  // namespace nabla::test
