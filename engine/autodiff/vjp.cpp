#include "engine/autodiff/vjp.h"

#include "engine/autodiff/at_variables.h"
#include "engine/autodiff/transform.h"
#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/ops/pointwise.h"

namespace nabla {

std::vector<std::optional<Tensor>> vjp(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                       std::span<const Tensor> cts) {
  const Shape leading = check_directions("vjp", ys, cts);
  check_variables("vjp", xs);
  const Dependents between = dependents(ys, xs, Through::differentiable);
  check_evaluated("vjp", ys, xs, between);
  std::vector<std::optional<Tensor>> cotangents(between.nodes.size());
  const auto accumulate = [&](const Node* node, const Tensor& term) {
    const int at = between.index.find(node);
    if (at == NodeMap::kAbsent) return;
    std::optional<Tensor>& sum = cotangents[at];
    sum = sum ? *sum + term : term;
  };
  for (std::size_t i = 0; i < ys.size(); ++i) accumulate(&ys[i].node(), cts[i]);

  NodeMap variables(xs.size());
  for (const Tensor& x : xs) variables.insert(&x.node(), 0);
  std::vector<bool> wanted;
  std::vector<std::optional<Tensor>> terms;
  for (std::size_t n = between.nodes.size(); n-- > 0;) {
    // Derivatives end at a variable, even if it is built from another one.
    if (!cotangents[n] || variables.find(between.nodes[n]) != NodeMap::kAbsent) continue;
    const UseOfNode use(between.nodes[n]);
    const Primitive& primitive = between.nodes[n]->primitive();
    const Tensor cotangent = expand_where(*cotangents[n], between.nodes[n]->shape(), [&](int axis) {
      return !primitive.accepts_compressed_cotangent(use.application(), axis);
    });
    wanted.clear();
    for (int slot = 0; slot < use.slots(); ++slot)
      wanted.push_back(between.index.find(use.input_node(slot)) != NodeMap::kAbsent);
    terms.assign(wanted.size(), std::nullopt);
    primitive.vjp_of_slots(use.application(), wanted, cotangent, terms);
    for (int slot = 0; slot < use.slots(); ++slot)
      if (const auto& term = terms[slot]) accumulate(use.input_node(slot), *term);
  }

  std::vector<std::optional<Tensor>> results;
  for (const Tensor& x : xs) {
    const int at = between.index.find(&x.node());
    results.push_back(at == NodeMap::kAbsent ? std::nullopt : cotangents[at]);
    if (results.back()) results.back() = broadcast_to(*results.back(), concatenate(leading, x.shape()));
  }
  return results;
}

std::optional<Tensor> vjp(const Tensor& y, const Tensor& x, const Tensor& ct) {
  return vjp(std::span(&y, 1), std::span(&x, 1), std::span(&ct, 1))[0];
}

ValuesAndCotangents vjp(const ListFunction& f, const std::vector<Tensor>& xs, const std::vector<Tensor>& cts,
                        std::source_location where) {
  const auto derive = [&](const std::vector<Tensor>& outputs, const std::vector<Tensor>& variables) {
    const Shape leading = check_directions("vjp", outputs, cts);
    return or_zeros(vjp(outputs, variables, cts), leading, xs);
  };
  ValuesAndDerivatives built = at_variables(f, xs, where, derive);
  return {std::move(built.values), std::move(built.derivatives)};
}

ValueAndCotangent vjp(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& ct,
                      std::source_location where) {
  const auto results = vjp([&](const std::vector<Tensor>& v) { return std::vector{f(v[0])}; }, std::vector{x},
                           std::vector{ct}, where);
  return {results.values[0], results.cotangents[0]};
}

}  // namespace nabla
