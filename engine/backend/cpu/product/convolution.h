#pragma once

#include <array>
#include <cstdint>

#include "engine/graph/convolution_window.h"

namespace nabla::cpu {

using SpatialExtents = std::array<std::int64_t, ConvolutionWindow::kMostSpatial>;

/// Convolutions of samples that share one weight, with three spatial axes: those that are missing come first
/// and have one element. Data [samples, groups * inputs, *data], weight [groups * outputs, inputs, *window]
/// and result [samples, groups * outputs, *places] are dense.
struct ConvolutionShape {
  std::int64_t samples, groups;
  std::int64_t inputs, outputs;  ///< channels of a group
  SpatialExtents data, window, places;
  std::array<WindowAxis, ConvolutionWindow::kMostSpatial> axes;

  static std::int64_t product_of(const SpatialExtents& extents) {
    return extents[0] * extents[1] * extents[2];
  }
  /// Elements of one sample and group.
  std::int64_t data_size() const { return inputs * product_of(data); }
  std::int64_t result_size() const { return outputs * place_count(); }
  std::int64_t place_count() const { return product_of(places); }
  /// Terms of an element of the result.
  std::int64_t depth() const { return inputs * product_of(window); }
  /// Elements of a group's weight.
  std::int64_t weight_size() const { return outputs * depth(); }
  /// Does each element of the result see the data at its own place alone?
  bool is_pointwise() const {
    for (std::size_t i = 0; i < axes.size(); ++i)
      if (window[i] != 1 || axes[i].stride != 1 || axes[i].before != 0 || places[i] != data[i]) return false;
    return true;
  }

  friend bool operator==(const ConvolutionShape&, const ConvolutionShape&) = default;
};

/// The slot of the trilinear form that a call computes. Its operands are the two others, in this order: data
/// and weight for the result, weight and result for the data, data and result for the weight.
enum class ConvolutionSlot { result, data, weight };

/// Would oneDNN be chosen for calls of so many of these samples? Not for what is small, nor where it was not
/// built in.
bool suits_onednn(const ConvolutionShape& shape, std::int64_t samples);
/// One of the three through oneDNN, on the calling thread; false if it may not be called any more.
bool convolution_onednn(ConvolutionSlot slot, const ConvolutionShape& shape, const float* first,
                        const float* second, float* out);

}  // namespace nabla::cpu
