#include "engine/autodiff/jvp.h"

#include "engine/autodiff/alignment.h"
#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/substitute.h"

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

  std::vector<std::optional<Tensor>> incoming;
  for (std::size_t n = 0; n < between.nodes.size(); ++n) {
    if (is_variable[n]) continue;
    const UseOfNode use(between.nodes[n]);
    const Primitive& primitive = between.nodes[n]->primitive();
    incoming.clear();
    bool any = false;
    for (int slot = 0; slot < use.slots(); ++slot) {
      const int at = between.index.find(use.input_node(slot));
      incoming.push_back(at == NodeMap::kAbsent ? std::nullopt : tangents[at]);
      std::optional<Tensor>& tangent = incoming.back();
      if (!tangent) continue;
      any = true;
      tangent = expand_where(*tangent, use.input_node(slot)->shape(), [&](int axis) {
        return !primitive.accepts_compressed_tangent(use.application(), slot, axis);
      });
    }
    if (any) tangents[n] = primitive.jvp(use.application(), incoming);
  }

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

ValuesAndTangents jvp(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
                      const std::vector<Tensor>& xs, const std::vector<Tensor>& dxs,
                      std::source_location where) {
  const std::vector<Tensor> variables = variables_like(xs, where);
  std::vector<Tensor> outputs = f(variables);
  const std::size_t count = outputs.size();
  const Shape leading = check_directions("jvp", xs, dxs);
  const std::vector<std::optional<Tensor>> tangents = jvp(outputs, variables, dxs);
  for (std::size_t i = 0; i < count; ++i) {
    outputs.push_back(tangents[i] ? *tangents[i]
                                  : zeros(concatenate(leading, outputs[i].shape()), outputs[i].dtype()));
  }
  const std::vector<Tensor> put_back = substitute(outputs, variables, xs);
  const auto middle = put_back.begin() + static_cast<std::ptrdiff_t>(count);
  return {{put_back.begin(), middle}, {middle, put_back.end()}};
}

ValueAndTangent jvp(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& dx,
                    std::source_location where) {
  const auto results = jvp([&](const std::vector<Tensor>& v) { return std::vector{f(v[0])}; }, std::vector{x},
                           std::vector{dx}, where);
  return {results.values[0], results.tangents[0]};
}

}  // namespace nabla
