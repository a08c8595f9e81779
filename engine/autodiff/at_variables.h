#pragma once

#include <optional>
#include <source_location>
#include <span>
#include <vector>

#include "engine/autodiff/list_function.h"

namespace nabla {

struct ValuesAndDerivatives {
  std::vector<Tensor> values;
  std::vector<Tensor> derivatives;
};

/// Derives a function, f on fresh variables first, and then puts xs in their place: what the function forms
/// of transforms share. derive(outputs, variables) builds the derivatives of f's outputs on the variables,
/// which are made at the user's line `where`. What f captures stays constant, and f(xs) beside it shares its
/// nodes.
ValuesAndDerivatives at_variables(
    const ListFunction& f, std::span<const Tensor> xs, std::source_location where,
    const std::function<std::vector<Tensor>(const std::vector<Tensor>& outputs,
                                            const std::vector<Tensor>& variables)>& derive);

/// Replaces symbolic zeros by zeros, [*leading, *shape of like[i]].
std::vector<Tensor> or_zeros(std::span<const std::optional<Tensor>> derivatives, const Shape& leading,
                             std::span<const Tensor> like);

}  // namespace nabla
