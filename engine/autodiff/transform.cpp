#include "engine/autodiff/transform.h"

#include <algorithm>

#include "engine/graph/evaluation.h"

namespace nabla {

Shape check_directions(const char* what, std::span<const Tensor> values, std::span<const Tensor> directions) {
  if (values.size() != directions.size())
    throw Error(std::string(what) + ": " + std::to_string(values.size()) + " values but " +
                std::to_string(directions.size()) + " directions");
  Shape leading;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Tensor& value = values[i];
    const Tensor& direction = directions[i];
    const auto misfit = [&](const std::string& why) {
      return Error(std::string(what) + ": direction " + std::to_string(i) + " " +
                   to_string(direction.shape()) + " " + std::string(name_of(direction.dtype())) + " " + why +
                   " " + to_string(value.shape()) + " " + std::string(name_of(value.dtype())));
    };
    if (!is_floating(value.dtype())) throw misfit("belongs to a value that carries no derivative:");
    if (direction.dtype() != value.dtype()) throw misfit("differs in type from");
    const int extra = direction.rank() - value.rank();
    if (extra < 0) throw misfit("has fewer axes than");
    Shape fits;
    if (!broadcast_shapes(direction.shape().without_first(extra), value.shape(), fits) ||
        !(fits == value.shape()))
      throw misfit("does not end in the shape");
    const Shape own = direction.shape().first(extra);
    if (i == 0) {
      leading = own;
    } else if (!broadcast_shapes(leading, own, fits)) {
      throw misfit("has leading axes that differ from " + to_string(leading) + " of those before it; value");
    } else {
      leading = fits;
    }
  }
  return leading;
}

void check_variables(const char* what, std::span<const Tensor> xs) {
  for (const Tensor& x : xs) {
    const auto refused = [&](const char* why) {
      return Error(std::string(what) + ": a variable " + to_string(x.shape()) + " " +
                   std::string(name_of(x.dtype())) + why);
    };
    if (!is_floating(x.dtype())) throw refused(" carries no derivative; cast it to a floating type first");
    if (is_constant(x))
      throw refused(
          " is a constant, and so is every equal constant in the graph, those inside of operators too; make "
          "it a leaf of its own (tensor(..), detach()) or take the derivative of a function (grad(f, x))");
  }
}

void check_evaluated(const char* what, std::span<const Tensor> ys, std::span<const Tensor> xs,
                     const Dependents& between) {
  const auto reaches = [&](const Tensor& leaf) {
    const Dependents behind = dependents(ys, std::span(&leaf, 1), Through::differentiable);
    return std::ranges::any_of(
        ys, [&](const Tensor& y) { return behind.index.find(&y.node()) != NodeMap::kAbsent; });
  };
  const auto lost = [&](const Tensor& leaf, const std::string& function, const char* why) {
    return Error(std::string(what) + ": a derivative would have to go through a result " +
                 to_string(leaf.shape()) + " " + std::string(name_of(leaf.dtype())) + " of " + function +
                 ", " + why + "; if it is meant as a constant, say so by stop_gradient(..) or detach()");
  };
  for (Node* node : between.evaluated)
    if (const Tensor leaf(node); reaches(leaf))
      throw lost(leaf, evaluating_function(*node), "which is evaluated from a variable");
  // Where nothing else depends on a variable, results of compiled functions were most likely meant to. Those
  // that the function of a transform captured were not: given its variables, they would be expressions.
  const auto is_variable = [](const Tensor& x) { return x.node().primitive().is_variable(); };
  if (!between.nodes.empty() || std::ranges::any_of(xs, is_variable)) return;
  for (const Node* node : nodes_behind(ys))
    if (is_compiled(*node))
      if (const Tensor leaf(const_cast<Node*>(node)); reaches(leaf))
        throw lost(leaf, "a compiled function",
                   "whose results are leaves, and nothing else depends on the variables; put the derivative "
                   "inside of compile");
}

std::vector<Tensor> variables_like(std::span<const Tensor> xs, std::source_location where) {
  std::vector<Tensor> variables;
  for (const Tensor& x : xs) variables.push_back(variable(x.shape(), x.dtype(), where));
  return variables;
}

}  // namespace nabla
