#pragma once

#include <cstdint>
#include <functional>

#include "engine/engine.h"

// Random functions made of transforms inside each other, whose inner functions use what the outer ones see.

namespace nabla::spec {

/// What may differ between two ways to build a nest without a change of its values and derivatives.
struct NestParts {
  bool checkpoints = true;  ///< else what is checkpointed is called
  bool compiled = true;     ///< else compiled parts are called
  bool custom = true;       ///< else custom rules give way to what they derive
};

/// A smooth function of [3] f64 with one element as its result.
using NestFunction = std::function<Tensor(const Tensor&)>;

/// The nest of this seed: checkpoint, grad, vjp, jvp, vmap, compiled parts and custom rules, at most four
/// levels deep, each on arguments that are built from all that is in scope and with all of it captured.
NestFunction random_nest(std::uint64_t seed, NestParts parts = {});

/// A point to evaluate it at.
Tensor nest_point(std::uint64_t seed);

}  // namespace nabla::spec
