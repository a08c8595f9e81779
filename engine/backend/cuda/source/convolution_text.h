#pragma once

#include <string>
#include <vector>

#include "engine/backend/cuda/source/convolution_form.h"
#include "engine/backend/cuda/source/kernel_source.h"

// What the two kinds of kernels of convolutions share. They name places along the axes of the form: n
// (sample), o (channel of the result) and c (input channel within its group), channel (of the data), and
// along spatial axis k r<k> in the result, w<k> in the window and s<k> in the data.

namespace nabla::cuda {

/// Names of places along the axes of the core, the outermost first.
struct ConvolutionNames {
  explicit ConvolutionNames(int spatial);
  std::vector<std::string> data, weight, result;
};

/// `<stride>ll * <place> + ..` along the axes of the core, in i64.
std::string core_offset(const Layout& x, int core, const std::vector<std::string>& places);

/// The sums of a step directly, one thread for each element of the output; f32 is carried in f64.
StepSource convolution_sums_source(const StepDescription& step);

/// The step as a product of matrices whose tiles are gathered under the window (implicit GEMM).
StepSource convolution_tiles_source(const StepDescription& step);
/// Are there enough rows, columns and terms to fill tiles?
bool suits_convolution_tiles(const ConvolutionForm& form);

}  // namespace nabla::cuda
