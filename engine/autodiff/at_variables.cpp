#include "engine/autodiff/at_variables.h"

#include "engine/ops/constant.h"

namespace nabla {

std::vector<Tensor> or_zeros(std::vector<std::optional<Tensor>> derivatives, const Shape& leading,
                             std::span<const Tensor> like) {
  std::vector<Tensor> filled;
  filled.reserve(derivatives.size());
  for (std::size_t i = 0; i < derivatives.size(); ++i)
    filled.push_back(derivatives[i] ? std::move(*derivatives[i])
                                    : zeros(concatenate(leading, like[i].shape()), like[i].dtype()));
  return filled;
}

}  // namespace nabla
