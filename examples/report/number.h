#pragma once

#include <string>

namespace nabla::report {

/// A number as a person writes it: `digits` significant digits without trailing zeros, thousands grouped,
/// powers of ten for the very large and the very small. The decimal mark is a point whatever the locale.
std::string number(double value, int digits = 3);

/// With a fixed number of decimals, thousands grouped: fixed(1234.5, 2) is "1,234.50".
std::string fixed(double value, int decimals);

/// An integer power of ten with the exponent raised, as Unicode text.
std::string power_of_ten(int exponent);

/// A stretch of time: "0:07", "12:34", "1:02:03".
std::string duration(double seconds);

}  // namespace nabla::report
