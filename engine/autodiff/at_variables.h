#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <source_location>
#include <span>
#include <vector>

#include "engine/autodiff/list_function.h"
#include "engine/autodiff/transform.h"
#include "engine/ops/substitute.h"

namespace nabla {

struct ValuesAndDerivatives {
  std::vector<Tensor> values;
  std::vector<Tensor> derivatives;
};

/// Derives a function, f on fresh variables first, and then puts xs in their place: what the function forms
/// of transforms share. derive(outputs, variables) lists the derivatives of f's outputs on the variables,
/// which are made at the user's line `where`. What f captures stays constant, and f(xs) beside it shares its
/// nodes.
template <class Derive>
ValuesAndDerivatives at_variables(const ListFunction& f, std::span<const Tensor> xs,
                                  std::source_location where, const Derive& derive) {
  const std::vector<Tensor> variables = variables_like(xs, where);
  std::vector<Tensor> outputs = f(variables);
  const auto count = static_cast<std::ptrdiff_t>(outputs.size());
  std::vector<Tensor> derivatives = derive(outputs, variables);
  std::ranges::move(derivatives, std::back_inserter(outputs));
  std::vector<Tensor> put_back = substitute(outputs, variables, xs);
  derivatives.assign(std::make_move_iterator(put_back.begin() + count),
                     std::make_move_iterator(put_back.end()));
  put_back.erase(put_back.begin() + count, put_back.end());
  return {std::move(put_back), std::move(derivatives)};
}

/// Replaces symbolic zeros by zeros, [*leading, *shape of like[i]].
std::vector<Tensor> or_zeros(std::vector<std::optional<Tensor>> derivatives, const Shape& leading,
                             std::span<const Tensor> like);

}  // namespace nabla
