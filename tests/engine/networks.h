#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"

// Kinds of networks whose Jacobians have little in common.

namespace nabla::test {

struct Network {
  std::string name;
  Field field;
  Tensor x;
};

/// Layers in a chain, narrow and wide, with residual branches and norms, per-sample scales, stencils, slices,
/// pads, reversals, token-wise products, pools, attention, a softmax over data, sorting and running sums.
std::vector<Network> networks();

}  // namespace nabla::test
