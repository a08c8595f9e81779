#include "engine/autodiff/jvp.h"

#include "engine/autodiff/at_variables.h"
#include "engine/autodiff/transform.h"
#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/ops/pointwise.h"

namespace nabla {

std::vector<std::optional<Tensor>> jvp_compressed(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                                  std::span<const Tensor> dxs) {
  check_directions("jvp", xs, dxs);
  check_variables("jvp", xs);
  const Dependents between = dependents(ys, xs, Through::differentiable);
  check_evaluated("jvp", ys, xs, between);
  std::vector<std::optional<Tensor>> tangents(between.nodes.size());
  std::vector<bool> is_variable(between.nodes.size(), false);
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const int at = between.index.find(&xs[i].node());
    if (at == NodeMap::kAbsent) continue;
    std::optional<Tensor>& tangent = tangents[at];
    tangent = tangent ? *tangent + dxs[i] : dxs[i];  // a variable named twice moves along both
    is_variable[at] = true;
  }

  push_forward(between, is_variable, tangents,
               [](std::size_t, const Primitive& primitive, const Application& at, Tangents incoming) {
                 return primitive.jvp(at, incoming);
               });
  std::vector<std::optional<Tensor>> results;
  for (const Tensor& y : ys) {
    const int at = between.index.find(&y.node());
    results.push_back(at == NodeMap::kAbsent ? std::nullopt : tangents[at]);
  }
  return results;
}

std::vector<std::optional<Tensor>> jvp(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                       std::span<const Tensor> dxs) {
  std::vector<std::optional<Tensor>> results = jvp_compressed(ys, xs, dxs);
  const Shape leading = check_directions("jvp", xs, dxs);
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i]) results[i] = broadcast_to(*results[i], concatenate(leading, ys[i].shape()));
  return results;
}

std::optional<Tensor> jvp(const Tensor& y, const Tensor& x, const Tensor& dx) {
  return jvp(std::span(&y, 1), std::span(&x, 1), std::span(&dx, 1))[0];
}

std::optional<Tensor> jvp_compressed(const Tensor& y, const Tensor& x, const Tensor& dx) {
  return jvp_compressed(std::span(&y, 1), std::span(&x, 1), std::span(&dx, 1))[0];
}

ValuesAndTangents jvp(const ListFunction& f, const std::vector<Tensor>& xs, const std::vector<Tensor>& dxs,
                      std::source_location where) {
  const auto derive = [&](const std::vector<Tensor>& outputs, const std::vector<Tensor>& variables) {
    const Shape leading = check_directions("jvp", xs, dxs);
    return or_zeros(jvp(outputs, variables, dxs), leading, outputs);
  };
  ValuesAndDerivatives built = at_variables(f, xs, where, derive);
  return {std::move(built.values), std::move(built.derivatives)};
}

ValueAndTangent jvp(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& dx,
                    std::source_location where) {
  const auto results = jvp([&](const std::vector<Tensor>& v) { return std::vector{f(v[0])}; }, std::vector{x},
                           std::vector{dx}, where);
  return {results.values[0], results.tangents[0]};
}

}  // namespace nabla
