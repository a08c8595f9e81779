#include "nn/schedule.h"

#include <cmath>
#include <numbers>
#include <string>

#include "engine/tensor/error.h"

namespace nabla::nn {

double WarmupCosine::at(std::int64_t step) const {
  if (step < 0 || warmup_steps < 0 || warmup_steps > total_steps)
    throw Error("warmup_cosine: step " + std::to_string(step) + " with " + std::to_string(warmup_steps) +
                " warm-up steps of " + std::to_string(total_steps));
  if (step < warmup_steps) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  if (step >= total_steps) return floor;
  const double done =
      static_cast<double>(step - warmup_steps) / static_cast<double>(total_steps - warmup_steps);
  return floor + (peak - floor) * 0.5 * (1 + std::cos(std::numbers::pi * done));
}

}  // namespace nabla::nn
