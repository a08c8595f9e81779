#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// Computes the values of several tensors in one plan; afterwards they are read without further work. What
/// the plan passes on its way is kept too where a handle to it lives, except for views, constants and
/// temporaries of the expression that evaluate() itself is part of, and released otherwise. Safe to call from
/// several threads: on the CPU they run beside each other, and what several ask for is computed once.
/// @throws Error if one depends on a variable of a transform.
void evaluate(std::span<const Tensor> tensors);
inline void evaluate(std::initializer_list<Tensor> tensors) {
  evaluate(std::span(tensors.begin(), tensors.size()));
}
inline void evaluate(const std::vector<Tensor>& tensors) { evaluate(std::span<const Tensor>(tensors)); }

/// Computes values as evaluate() does, and begins to copy them to the host where a device has them, without
/// waiting: item() or data() later waits only for work that came before this call. For losses, which are
/// printed some steps late.
void start_read_back(std::span<const Tensor> tensors);
inline void start_read_back(const Tensor& tensor) { start_read_back(std::span(&tensor, 1)); }

}  // namespace nabla
