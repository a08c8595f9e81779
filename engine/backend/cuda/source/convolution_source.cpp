#include "engine/backend/cuda/source/convolution_text.h"
#include "engine/backend/cuda/source/primitive_sources.h"
#include "engine/backend/cuda/source/source_writer.h"

// Convolutions, where cuDNN does not do them: by tiles where these would be filled, else directly. Operands
// may lie in any layout.

namespace nabla::cuda {
namespace {

StepSource convolution_kernels(const StepDescription& step) {
  if (step.output.shape.size() == 0) return {};
  if (step.output_type != DType::f32 && step.output_type != DType::f64)
    throw_unsupported(step.primitive->name(), step.output_type);
  return suits_convolution_tiles(ConvolutionForm(step)) ? convolution_tiles_source(step)
                                                        : convolution_sums_source(step);
}

}  // namespace

ConvolutionNames::ConvolutionNames(int spatial) : data{"n", "channel"}, weight{"o", "c"}, result{"n", "o"} {
  for (int k = 0; k < spatial; ++k) {
    data.push_back("s" + std::to_string(k));
    weight.push_back("w" + std::to_string(k));
    result.push_back("r" + std::to_string(k));
  }
}

std::string core_offset(const Layout& x, int core, const std::vector<std::string>& places) {
  std::string text;
  for (int i = 0; i < core; ++i) {
    const int axis = i - core;
    if (x.shape[axis] == 1) continue;
    text += (text.empty() ? "" : " + ") + std::to_string(line_stride(x, axis)) + "ll * " +
            places[static_cast<std::size_t>(i)];
  }
  return text.empty() ? "0" : text;
}

// Attributes of all three: ConvolutionWindow.
StepSource convolution_source(const StepDescription& step) { return convolution_kernels(step); }
StepSource convolution_to_data_source(const StepDescription& step) { return convolution_kernels(step); }
StepSource convolution_to_weight_source(const StepDescription& step) { return convolution_kernels(step); }

}  // namespace nabla::cuda
