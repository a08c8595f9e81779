#pragma once

#include <functional>
#include <source_location>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// f(x), whose intermediate values reverse mode does not keep but computes again when it reaches them: memory
/// for time (Griewank and Walther, ACM TOMS 26, 2000). Forward mode runs beside f and needs nothing kept.
/// Values and derivatives of every order are those of f, by x and by all that f captures, also where that is
/// made of x or x of it. What f captures is kept, like x; what f computes from captured tensors alone is not
/// computed again. What f computes is its own: there is no derivative by a tensor outside that the same
/// expression made. f runs once, here, on a variable in place of x, and may not read values.
/// @throws Error where f reads a value or returns an empty tensor.
Tensor checkpoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                  std::source_location where = std::source_location::current());
/// The same for several arguments.
/// @throws Error as well where there are none.
Tensor checkpoint(const std::function<Tensor(const std::vector<Tensor>&)>& f, const std::vector<Tensor>& xs,
                  std::source_location where = std::source_location::current());

}  // namespace nabla
