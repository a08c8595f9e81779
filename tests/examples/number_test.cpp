#include "examples/report/number.h"

#include <doctest/doctest.h>

#include <cmath>

namespace nabla::report {

TEST_CASE("number keeps significant digits and drops trailing zeros") {
  CHECK(number(0) == "0");
  CHECK(number(-0.0) == "0");
  CHECK(number(1) == "1");
  CHECK(number(0.12345) == "0.123");
  CHECK(number(-2.5) == "−2.5");
  CHECK(number(9.996) == "10");
  CHECK(number(1234.5, 5) == "1234.5");
  CHECK(number(123'456.0, 6) == "123,456");
  CHECK(number(-123'456.0, 6) == "−123,456");
  CHECK(number(0.00012) == "0.00012");
}

TEST_CASE("number uses powers of ten at the extremes") {
  CHECK(number(1e-5) == "10⁻⁵");
  CHECK(number(-1e9) == "−10⁹");
  CHECK(number(2.5e-12) == "2.5·10⁻¹²");
  CHECK(number(1.8e7) == "1.8·10⁷");
  CHECK(number(std::nan("")) == "NaN");
  CHECK(number(-INFINITY) == "−∞");
}

TEST_CASE("fixed keeps its decimals") {
  CHECK(fixed(0.5, 2) == "0.50");
  CHECK(fixed(-0.001, 2) == "0.00");
  CHECK(fixed(12'345.678, 1) == "12,345.7");
  CHECK(fixed(1e21, 0) == "1,000,000,000,000,000,000,000");
}

TEST_CASE("duration reads like a clock") {
  CHECK(duration(0) == "0:00");
  CHECK(duration(7.4) == "0:07");
  CHECK(duration(59.7) == "1:00");
  CHECK(duration(3723) == "1:02:03");
  CHECK(duration(INFINITY) == "–:––");
}

}  // namespace nabla::report
