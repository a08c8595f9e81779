#pragma once

#include <functional>
#include <source_location>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// f(x), whose intermediate values reverse mode does not keep but computes again when it reaches them: memory
/// for time (Griewank and Walther, ACM TOMS 26, 2000). Forward mode runs beside f and needs nothing kept.
/// Values and derivatives of every order are those of f. What f captures gets its derivatives too, and is
/// kept, like x; what f computes from captured tensors alone is not computed again. f runs once, here.
Tensor checkpoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                  std::source_location where = std::source_location::current());
/// The same for several arguments.
Tensor checkpoint(const std::function<Tensor(const std::vector<Tensor>&)>& f, const std::vector<Tensor>& xs,
                  std::source_location where = std::source_location::current());

}  // namespace nabla
