#pragma once

#include <array>
#include <cstdint>

#include "engine/graph/attributes.h"
#include "engine/tensor/shape.h"

namespace nabla {

/// How the window of a convolution goes along one spatial axis: the element of the data under element w of
/// the window at place r is r stride + w dilation - before. Elements outside of the data are zeros.
struct WindowAxis {
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t before = 0;  ///< zeros put before the data
  std::int64_t after = 0;   ///< and behind it

  /// Places of a window of `window` elements on `extent` elements of data; below 1 where it does not fit.
  std::int64_t places(std::int64_t extent, std::int64_t window) const {
    const std::int64_t room = extent + before + after - (window - 1) * dilation - 1;
    return room < 0 ? 0 : room / stride + 1;
  }
  friend bool operator==(const WindowAxis&, const WindowAxis&) = default;
};

/// What the attributes of the three convolutions say. They fill the three slots of the trilinear form
/// sum(cotangent * convolution(data, weight)) of data [.., N, C, *S], weight [.., O, C / groups, *W] and
/// cotangent
/// [.., N, O, *R], with one to three spatial axes behind leading axes that broadcast.
struct ConvolutionWindow {
  static constexpr int kMostSpatial = 3;

  int spatial = 0;  ///< number of spatial axes
  std::int64_t groups = 1;
  std::array<WindowAxis, kMostSpatial> axes;  ///< outermost first, as many as spatial axes
  std::array<std::int64_t, kMostSpatial> extents{
      1, 1, 1};  ///< spatial extents of the output, which nothing else may tell

  ConvolutionWindow() = default;
  explicit ConvolutionWindow(const Attributes& attributes)
      : spatial(static_cast<int>(attributes.size() / kPerAxis)), groups(attributes[0]) {
    for (int i = 0; i < spatial; ++i) {
      const auto values = attributes.from(1 + static_cast<std::size_t>(i) * kPerAxis);
      axes[i] = {values[0], values[1], values[2], values[3]};
      extents[i] = values[4];
    }
  }
  Attributes attributes() const {
    std::array<std::int64_t, kMostSpatial * kPerAxis> values{};
    for (int i = 0; i < spatial; ++i) {
      const WindowAxis& axis = axes[i];
      std::int64_t* to = values.data() + static_cast<std::size_t>(i) * kPerAxis;
      for (const std::int64_t value : {axis.stride, axis.dilation, axis.before, axis.after, extents[i]})
        *to++ = value;
    }
    return {{groups}, std::span(values.data(), static_cast<std::size_t>(spatial) * kPerAxis)};
  }
  /// The same window for an output with the spatial extents of `shape`.
  ConvolutionWindow with_output(const Shape& shape) const {
    ConvolutionWindow result = *this;
    for (int i = 0; i < spatial; ++i) result.extents[i] = shape[i - spatial];
    return result;
  }

 private:
  static constexpr std::size_t kPerAxis = 5;
};

}  // namespace nabla
