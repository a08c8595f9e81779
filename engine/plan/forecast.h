#pragma once

#include <span>

#include "engine/plan/canonical/plan_key.h"
#include "engine/plan/cost.h"

namespace nabla {

/// What an evaluation would take.
struct Forecast {
  PlanCost cost;
  double flops_without = 0;  ///< the part of the operations that does not depend on the argument
  std::size_t arena_bytes = 0;
  std::size_t result_bytes = 0;
};

/// Foretells the evaluation of `output` from its plan, which is made without kernels and not run: as if
/// nobody held anything between, with variables, one of which is the argument, as values that are there.
Forecast forecast(const Tensor& output, const Tensor& argument);

/// The key of what a forecast of `outputs` is made from.
PlanKey structure_of(std::span<const Tensor> outputs);

}  // namespace nabla
