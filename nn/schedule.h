#pragma once

#include <cstdint>

namespace nabla::nn {

/// A learning rate that rises linearly to `peak` over `warmup_steps` and then falls along half a cosine to
/// `floor` at `total_steps` (Loshchilov and Hutter, arXiv 1608.03983, without restarts).
struct WarmupCosine {
  double peak = 1e-3;
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 1;
  double floor = 0;

  /// For step 0, 1, ..; `floor` from total_steps on. @throws Error for a negative step or a warm-up longer
  /// than all.
  double at(std::int64_t step) const;
};

}  // namespace nabla::nn
