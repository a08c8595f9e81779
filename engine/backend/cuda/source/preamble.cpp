#include <string>

#include "engine/backend/cuda/source/device_text.h"
#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda {

std::string_view preamble() {
  static const std::string& text = *new std::string([] {
    std::string joined;
    for (const std::string_view part :
         {device_text::types, device_text::arithmetic, device_text::running_sum, device_text::elementary,
          device_text::reductions, device_text::refusal, device_text::refuse})
      joined += part;
    return joined;
  }());
  return text;
}

}  // namespace nabla::cuda
