#include <string>

#include "engine/backend/cuda/source/device_text.h"
#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda {

std::string_view preamble() {
  static const std::string& text = *new std::string([] {
    std::string joined = std::string(device_text::types) + std::string(device_text::elementary);
    joined += "namespace scalar {\n" + std::string(device_text::scalar) + "}\n";
    for (const std::string_view part : {device_text::conversion, device_text::running_sum,
                                        device_text::reductions, device_text::refusal, device_text::refuse})
      joined += part;
    return joined;
  }());
  return text;
}

}  // namespace nabla::cuda
