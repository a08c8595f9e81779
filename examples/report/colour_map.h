#pragma once

#include <array>
#include <cstdint>

namespace nabla::report {

/// Red, green, blue.
using Colour = std::array<std::uint8_t, 3>;

/// Gray and inferno start at black, viridis at dark blue; diverging is white in the middle, for signed
/// values.
enum class ColourMap { gray, viridis, inferno, diverging };

/// What NaN looks like: it must be seen.
inline constexpr Colour kNanColour = {255, 0, 255};

/// The colour of a value in [0, 1]; values outside take the colour of the nearer end.
Colour colour_of(ColourMap map, double value);

}  // namespace nabla::report
