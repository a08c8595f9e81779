#include "engine/autodiff/vmap.h"

#include <numeric>

#include "engine/autodiff/transform.h"
#include "engine/ops/substitute.h"

namespace nabla {

std::vector<Tensor> vmap(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
                         const std::vector<Tensor>& xs, const std::vector<int>& in_axes,
                         std::source_location where) {
  if (xs.size() != in_axes.size())
    throw Error("vmap: " + std::to_string(xs.size()) + " arguments but " + std::to_string(in_axes.size()) +
                " axes");
  std::int64_t extent = -1;
  std::vector<Tensor> variables;
  std::vector<Tensor> arguments;
  std::vector<Tensor> mapped;  // with the mapped axis outermost
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (in_axes[i] == kNotMapped) {
      arguments.push_back(xs[i]);
      continue;
    }
    const int axis = axis_from_right("vmap", xs[i].shape(), in_axes[i]) + xs[i].rank();
    std::vector<int> order(xs[i].rank());
    std::iota(order.begin(), order.end(), 0);
    order.erase(order.begin() + axis);
    order.insert(order.begin(), axis);
    mapped.push_back(permute(xs[i], order));
    const Shape& shape = mapped.back().shape();
    if (extent >= 0 && shape[0] != extent)
      throw Error("vmap: argument " + std::to_string(i) + " " + to_string(xs[i].shape()) + " has " +
                  std::to_string(shape[0]) + " entries along its mapped axis, those before it " +
                  std::to_string(extent));
    extent = shape[0];
    variables.push_back(variable(shape.without_first(1), xs[i].dtype(), where));
    arguments.push_back(variables.back());
  }
  if (variables.empty()) throw Error("vmap: no argument is mapped");
  const std::vector<Tensor> outputs = f(arguments);
  std::vector<Tensor> results = substitute(outputs, variables, mapped);
  for (std::size_t i = 0; i < results.size(); ++i)
    results[i] = broadcast_to(results[i], concatenate(Shape{extent}, outputs[i].shape()));
  return results;
}

Tensor vmap(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, std::source_location where) {
  return vmap([&](const std::vector<Tensor>& v) { return std::vector{f(v[0])}; }, {x}, {0}, where)[0];
}

}  // namespace nabla
