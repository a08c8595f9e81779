#pragma once

#include <string>

namespace nabla {

// Numbers as text, with a point as decimal mark whatever the locale of the process is.

/// Writes the shortest text that reads back as the same number.
std::string number_text(double value);
/// Writes up to `digits` significant digits without trailing zeros, as printf's %g does.
std::string number_text(double value, int digits);
/// Writes a fixed number of decimals, as printf's %f does.
std::string fixed_text(double value, int decimals);

}  // namespace nabla
