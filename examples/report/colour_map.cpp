#include "examples/report/colour_map.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace nabla::report {
namespace {

constexpr Colour hex(std::uint32_t rgb) {
  return {static_cast<std::uint8_t>(rgb >> 16), static_cast<std::uint8_t>(rgb >> 8 & 0xff),
          static_cast<std::uint8_t>(rgb & 0xff)};
}

// Evenly spaced anchors, joined by straight lines. The middle two follow the well-known perceptual maps.
constexpr std::array kGray = {hex(0x000000), hex(0xffffff)};
constexpr std::array kViridis = {hex(0x440154), hex(0x482475), hex(0x414487), hex(0x355f8d),
                                 hex(0x2a788e), hex(0x21918c), hex(0x22a884), hex(0x44bf70),
                                 hex(0x7ad151), hex(0xbddf26), hex(0xfde725)};
constexpr std::array kInferno = {hex(0x000004), hex(0x160b39), hex(0x420a68), hex(0x6a176e),
                                 hex(0x932667), hex(0xbc3754), hex(0xdd513a), hex(0xf37819),
                                 hex(0xfca50a), hex(0xf6d746), hex(0xfcffa4)};
constexpr std::array kDiverging = {hex(0x15306b), hex(0x3a6fb5), hex(0x93bfe0), hex(0xf7f7f7),
                                   hex(0xf2b08f), hex(0xcc5546), hex(0x74131f)};

std::span<const Colour> anchors(ColourMap map) {
  switch (map) {
    case ColourMap::gray:
      return kGray;
    case ColourMap::viridis:
      return kViridis;
    case ColourMap::inferno:
      return kInferno;
    case ColourMap::diverging:
      return kDiverging;
  }
  return kGray;
}

}  // namespace

Colour colour_of(ColourMap map, double value) {
  if (std::isnan(value)) return kNanColour;
  const std::span<const Colour> table = anchors(map);
  const double position = std::clamp(value, 0.0, 1.0) * static_cast<double>(table.size() - 1);
  const std::size_t below = std::min(static_cast<std::size_t>(position), table.size() - 2);
  const double weight = position - static_cast<double>(below);
  Colour colour{};
  for (std::size_t i = 0; i < colour.size(); ++i) {
    const double mixed = (1 - weight) * table[below][i] + weight * table[below + 1][i];
    colour[i] = static_cast<std::uint8_t>(std::lround(mixed));
  }
  return colour;
}

}  // namespace nabla::report
