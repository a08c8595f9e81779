#include "nn/schedule.h"

#include <cmath>
#include <numbers>
#include <string>

#include "engine/tensor/error.h"

namespace nabla::nn {

WarmupCosine::WarmupCosine(const WarmupCosineOptions& options) : options_(options) {
  if (options.warmup_steps < 0 || options.warmup_steps > options.total_steps)
    throw Error("warmup_cosine: " + std::to_string(options.warmup_steps) + " warm-up steps of " +
                std::to_string(options.total_steps));
}

double WarmupCosine::at(std::int64_t step) const {
  const auto& [peak, warmup_steps, total_steps, floor] = options_;
  if (step < 0) throw Error("warmup_cosine: step " + std::to_string(step));
  if (step < warmup_steps) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  if (step >= total_steps) return floor;
  const double done =
      static_cast<double>(step - warmup_steps) / static_cast<double>(total_steps - warmup_steps);
  return floor + (peak - floor) * 0.5 * (1 + std::cos(std::numbers::pi * done));
}

}  // namespace nabla::nn
