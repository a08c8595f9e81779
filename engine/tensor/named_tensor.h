#pragma once

#include <string>

#include "engine/tensor/tensor.h"

namespace nabla {

/// A tensor under a name: what a file of many tensors holds, and what a module calls its parameters.
struct NamedTensor {
  std::string name;
  Tensor value;
};

}  // namespace nabla
