#pragma once

#include <string>
#include <vector>

#include "examples/posterior_components/components.h"
#include "examples/posterior_components/options.h"

namespace nabla::posterior_components {

/// Everything that a run found out.
struct Results {
  Options options;
  std::string network;      ///< a sentence about it
  Tensor clean;             ///< the images, [n, 64]
  std::vector<int> labels;  ///< their classes
  std::vector<ComponentsAtTime> times;
  double seconds = 0;  ///< of the whole run
};

}  // namespace nabla::posterior_components
