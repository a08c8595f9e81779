#pragma once

#include <cstdint>

#include "engine/backend/step_description.h"
#include "engine/graph/convolution_window.h"

namespace nabla::cuda {

/// The slot of the trilinear form (engine/graph/convolution_window.h) that a step fills. Its operands are the
/// two others, in this order: data and weight for the result, weight and the result's cotangent for the data,
/// data and the result's cotangent for the weight.
enum class ConvolutionSlot { result, data, weight };

/// Is it one of the three convolutions?
bool is_convolution(const StepDescription& step);

/// One of the three convolutions as the form that it is a slot of. Refers to the step's layouts.
struct ConvolutionForm {
  explicit ConvolutionForm(const StepDescription& step);

  ConvolutionSlot slot;
  ConvolutionWindow window;
  int leading;  ///< number of axes before samples (or channels of the weight)
  const Layout& data;
  const Layout& weight;
  const Layout& result;
  std::int64_t samples, groups;
  std::int64_t inputs, outputs;  ///< channels of a group

  int core() const { return window.spatial + 2; }  ///< number of axes behind the leading ones
  /// Extents along a spatial axis, the outermost being 0.
  std::int64_t data_extent(int k) const { return data.shape[k - window.spatial]; }
  std::int64_t window_extent(int k) const { return weight.shape[k - window.spatial]; }
  std::int64_t places(int k) const { return result.shape[k - window.spatial]; }
};

}  // namespace nabla::cuda
