#pragma once

#include <cstdint>

namespace nabla::nn {

struct WarmupCosineOptions {
  double peak = 1e-3;
  std::int64_t warmup_steps = 0;  ///< 0 .. total_steps
  std::int64_t total_steps = 1;
  double floor = 0;
};

/// A learning rate that rises linearly to `peak` over `warmup_steps` and then falls along half a cosine to
/// `floor` at `total_steps` (Loshchilov and Hutter, arXiv 1608.03983, without restarts).
class WarmupCosine {
 public:
  /// @throws Error if the warm-up is longer than all, or negative.
  explicit WarmupCosine(const WarmupCosineOptions& options = {});

  /// For step 0, 1, ..; `floor` from total_steps on. @throws Error for a negative step.
  double at(std::int64_t step) const;
  const WarmupCosineOptions& options() const { return options_; }

 private:
  WarmupCosineOptions options_;
};

}  // namespace nabla::nn
