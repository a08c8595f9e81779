#include "examples/report/axis.h"

#include <doctest/doctest.h>

namespace nabla::report {
namespace {

std::string labels(const Axis& axis) {
  std::string text;
  for (const Tick& tick : axis.ticks()) text += (text.empty() ? "" : " ") + tick.label;
  return text;
}

}  // namespace

TEST_CASE("linear ticks are round numbers with the decimals they need") {
  CHECK(labels(Axis(0, 1, false, true)) == "0.0 0.2 0.4 0.6 0.8 1.0");
  CHECK(labels(Axis(0.13, 0.52, false, true)) == "0.10 0.15 0.20 0.25 0.30 0.35 0.40 0.45 0.50 0.55");
  CHECK(labels(Axis(-3, 7, false, false)) == "−2 0 2 4 6");
  CHECK(labels(Axis(0, 12'000, false, false)) == "0 2000 4000 6000 8000 10,000 12,000");
}

TEST_CASE("rounding out moves the ends to ticks") {
  const Axis axis(0.3, 9.2, false, true);
  CHECK(axis.position(0.0) == doctest::Approx(0.0));
  CHECK(axis.position(10.0) == doctest::Approx(1.0));
}

TEST_CASE("logarithmic ticks go by decades, or finer where there are few") {
  CHECK(labels(Axis(1e-6, 1, true, false)) == "10⁻⁶ 10⁻⁵ 10⁻⁴ 0.001 0.01 0.1 1");
  CHECK(labels(Axis(0.9, 60, true, false)) == "1 2 5 10 20 50");
  CHECK(Axis(1, 100, true, false).position(10) == doctest::Approx(0.5));
}

TEST_CASE("an axis of equal ends is widened") {
  CHECK(Axis(5, 5, false, false).position(5) == doctest::Approx(0.5));
  CHECK(Axis(0, 0, false, true).position(0) == doctest::Approx(0.5));
}

TEST_CASE("an axis knows what it cannot show") {
  CHECK(Axis(1, 2, true, false).can_show(0.5));
  CHECK_FALSE(Axis(1, 2, true, false).can_show(0.0));
  CHECK(Axis(1, 2, false, false).can_show(0.0));
}

}  // namespace nabla::report
