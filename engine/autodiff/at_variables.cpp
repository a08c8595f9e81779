#include "engine/autodiff/at_variables.h"

#include "engine/autodiff/transform.h"
#include "engine/ops/constant.h"
#include "engine/ops/substitute.h"

namespace nabla {

ValuesAndDerivatives at_variables(
    const ListFunction& f, std::span<const Tensor> xs, std::source_location where,
    const std::function<std::vector<Tensor>(const std::vector<Tensor>& outputs,
                                            const std::vector<Tensor>& variables)>& derive) {
  const std::vector<Tensor> variables = variables_like(xs, where);
  std::vector<Tensor> outputs = f(variables);
  const auto count = static_cast<std::ptrdiff_t>(outputs.size());
  const std::vector<Tensor> derivatives = derive(outputs, variables);
  outputs.insert(outputs.end(), derivatives.begin(), derivatives.end());
  const std::vector<Tensor> put_back = substitute(outputs, variables, xs);
  return {{put_back.begin(), put_back.begin() + count}, {put_back.begin() + count, put_back.end()}};
}

std::vector<Tensor> or_zeros(std::span<const std::optional<Tensor>> derivatives, const Shape& leading,
                             std::span<const Tensor> like) {
  std::vector<Tensor> filled;
  for (std::size_t i = 0; i < derivatives.size(); ++i)
    filled.push_back(derivatives[i] ? *derivatives[i]
                                    : zeros(concatenate(leading, like[i].shape()), like[i].dtype()));
  return filled;
}

}  // namespace nabla
