#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "nn/module.h"

// What every optimizer is given at a step, checked in one place. `what` is the optimizer, for its errors.

namespace nabla::nn {

/// Checks gradients against the parameters they belong to. @throws Error unless there is one for each, of its
/// shape and type.
void require_gradients(std::string_view what, std::span<const Parameter> parameters,
                       const std::vector<Tensor>& gradients);

/// The learning rate as f64 of rank 0. @throws Error unless it is one element of floating type.
Tensor learning_rate_of(std::string_view what, const Tensor& rate);
/// The same for a number, as a leaf: every step builds the same graph. @throws Error if it is negative or not
/// finite, and inside compile(), where it would stay what it is at the first call.
Tensor learning_rate_of(std::string_view what, double rate);

}  // namespace nabla::nn
