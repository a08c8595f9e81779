#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/engine.h"
#include "tests/engine/numbers.h"

// The norm scales with its argument, and so do its derivatives: what holds for (3, 4, 12) holds at every
// size.

namespace nabla::test {
namespace {

struct Range {
  DType dtype;
  double smallest, largest, relative;
};
constexpr Range kRanges[] = {{DType::f32, 1e-37, 1e37, 4e-7}, {DType::f64, 1e-300, 1e300, 1e-15}};

void check_close(const Tensor& found, const std::vector<double>& expected, double relative) {
  const std::vector<double> got = values(found);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(got[i]);
    CAPTURE(expected[i]);
    CHECK(std::abs(got[i] - expected[i]) <= relative * std::abs(expected[i]));
  }
}

}  // namespace

TEST_CASE("norm and its derivatives hold wherever they are representable") {
  for (const Range& range : kRanges)
    for (double size = range.smallest; size <= range.largest; size *= 10) {
      CAPTURE(size);
      const Tensor x = cast(f64({3 * size, -4 * size, 12 * size}, {3}), range.dtype).detach();
      const auto length = [](const Tensor& v) { return norm(v); };
      check_close(norm(x), {13 * size}, range.relative);
      check_close(grad(length)(x), {3 / 13.0, -4 / 13.0, 12 / 13.0}, range.relative);
      const auto pushed = jvp(length, x, cast(f64({1, 0, 0}, {3}), range.dtype));
      check_close(pushed.tangent, {3 / 13.0}, range.relative);
      if (range.dtype == DType::f32 && size > 1e35) continue;  // what follows is subnormal
      const Tensor curved = hvp(length, x, cast(f64({0, 1, 0}, {3}), range.dtype));  // (1 - n n^T) / |x|
      const double scale = 1 / (13 * size);
      check_close(curved, {12 / 169.0 * scale, (1 - 16 / 169.0) * scale, 48 / 169.0 * scale},
                  4 * range.relative);
    }
}

TEST_CASE("norm of elements that lie far apart, of zeros, of infinities and of nothing") {
  const Tensor x = tensor<float>({1e20F, 1, 1}, {3});
  CHECK(norm(x).item() == 1e20F);
  check_close(grad([](const Tensor& v) { return norm(v); })(x), {1, 1e-20, 1e-20}, 2e-7);
  CHECK(norm(f64({3e-170, 4e-170}, {2})).item() == doctest::Approx(5e-170).epsilon(1e-15).scale(0));
  const double tiny = std::numeric_limits<double>::denorm_min();
  CHECK(norm(f64({3 * tiny, 4 * tiny}, {2})).item() == 5 * tiny);
  constexpr double kLargest = std::numeric_limits<double>::max();
  CHECK(norm(f64({kLargest, 0}, {2})).item() == kLargest);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  CHECK(norm(f64({1, -kInfinity}, {2})).item() == kInfinity);
  CHECK(std::isnan(norm(f64({1, kInfinity, std::nan("")}, {3})).item()));
  CHECK(values(norm(f64({}, {2, 0}), {-1})) == std::vector<double>{0, 0});
  CHECK(norm(f64({-3}, {})).item() == 3);
  const auto total = [](const Tensor& v) { return sum(norm(v, {-1})); };
  check_close(grad(total)(f64({0, 0, 3, 4}, {2, 2})), {0, 0, 0.6, 0.8}, 4e-16);
  CHECK(values(hvp(total, f64({0, 0}, {1, 2}), f64({1, 1}, {1, 2}))) == std::vector<double>{0, 0});
}

}  // namespace nabla::test
