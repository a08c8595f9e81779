#pragma once

#include <string>
#include <string_view>

namespace nabla {

/// Writes control characters as \x00, so that text from a file neither ends a message early nor hides in it.
std::string printable(std::string_view text);

}  // namespace nabla
