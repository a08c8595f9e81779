#include "engine/autodiff/laplacian.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "engine/autodiff/alignment.h"
#include "engine/autodiff/jvp.h"
#include "engine/autodiff/one_hot_seeds.h"
#include "engine/autodiff/samplewise.h"
#include "engine/autodiff/substitute.h"
#include "engine/graph/walk.h"
#include "engine/ops/constant.h"
#include "engine/ops/contract.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"

namespace nabla {
namespace {

using Optional = std::optional<Tensor>;

void accumulate(Optional& sum, const Optional& term) {
  if (term) sum = sum ? *sum + *term : *term;
}

// sum_k g''[t_k, t_k] of one use of a primitive g, whose inputs have the tangents t_k [count, ..].
class SecondOrderTerm {
 public:
  SecondOrderTerm(const Primitive& primitive, const Application& at, Tangents tangents, std::int64_t count)
      : primitive_(primitive), at_(at), tangents_(tangents), count_(count) {
    for (std::size_t i = 0; i < tangents.size(); ++i)
      if (tangents[i]) active_.push_back(i);
  }

  Optional get() const {
    switch (primitive_.derivative_class()) {
      case Primitive::Class::linear:
      case Primitive::Class::nondifferentiable:
        return std::nullopt;
      case Primitive::Class::pointwise:
        return of_pointwise();
      case Primitive::Class::multilinear:
        return of_multilinear();
      case Primitive::Class::composite:
        break;
    }
    return of_rule();
  }

 private:
  // A second copy of the node on variables in place of the inputs that have tangents.
  struct OnVariables {
    std::vector<Tensor> variables;  // of the active slots
    std::vector<Tensor> inputs;
    Tensor output;
  };
  OnVariables on_variables() const {
    OnVariables copy{{}, {at_.inputs.begin(), at_.inputs.end()}, {}};
    for (const std::size_t slot : active_) {
      copy.variables.push_back(variable(at_.inputs[slot].shape(), at_.inputs[slot].dtype()));
      copy.inputs[slot] = copy.variables.back();
    }
    copy.output = apply(primitive_, copy.inputs, at_.attributes);
    return copy;
  }
  std::vector<Tensor> active_inputs() const {
    std::vector<Tensor> inputs;
    for (const std::size_t slot : active_) inputs.push_back(at_.inputs[slot]);
    return inputs;
  }

  // Second partials do not depend on the direction: sum_ij g_ij sum_k t_ik t_jk.
  Optional of_pointwise() const {
    const OnVariables copy = on_variables();
    const Application at{copy.inputs, copy.output, at_.attributes};
    const std::vector<Tensor> values = active_inputs();
    Optional total;
    for (std::size_t i = 0; i < active_.size(); ++i) {
      std::vector<Optional> along(at_.inputs.size());
      along[active_[i]] = ones_like(copy.variables[i]);
      const Optional first = primitive_.jvp(at, along);
      if (!first) continue;
      for (std::size_t j = i; j < active_.size(); ++j) {
        const Tensor one = ones_like(copy.variables[j]);
        const Optional second = nabla::jvp_compressed(std::span(&*first, 1), std::span(&copy.variables[j], 1),
                                                      std::span(&one, 1))[0];
        if (!second) continue;
        const Tensor factor = substitute(std::span(&*second, 1), copy.variables, values)[0];
        const Tensor square = sum(*tangents_[active_[i]] * *tangents_[active_[j]], {0});
        accumulate(total, factor * (i == j ? square : square * 2.0));
      }
    }
    return total;
  }

  // Each slot is linear: two of them at a time have tangents, in either order.
  Optional of_multilinear() const {
    std::vector<Tensor> arguments;
    for (const Tensor& input : at_.inputs) arguments.push_back(promote(input, input.rank() + 1));
    // A product of two tangents sees the extent of an axis that it sums in neither of them, so in none may it
    // be left out.
    const auto full_tangent = [&](std::size_t slot) {
      return expand_where(*tangents_[slot], at_.inputs[slot].shape(), [&](int axis) {
        return !primitive_.carried_axis(at_, static_cast<int>(slot), axis);
      });
    };
    Optional total;
    for (std::size_t i = 0; i < active_.size(); ++i)
      for (std::size_t j = i + 1; j < active_.size(); ++j) {
        std::vector<Tensor> pair = arguments;
        pair[active_[i]] = full_tangent(active_[i]);
        pair[active_[j]] = full_tangent(active_[j]);
        accumulate(total, sum(apply(primitive_, pair, at_.attributes), {0}) * 2.0);
      }
    return total;
  }

  // The rule along one direction, differentiated along it again; then all directions in its place.
  Optional of_rule() const {
    const OnVariables copy = on_variables();
    std::vector<Optional> along(at_.inputs.size());
    std::vector<Tensor> directions;
    std::vector<Tensor> all = copy.variables;
    std::vector<Tensor> values = active_inputs();
    for (const std::size_t slot : active_) {
      const Tensor& input = at_.inputs[slot];
      directions.push_back(variable(input.shape(), input.dtype()));
      along[slot] = directions.back();
      all.push_back(directions.back());
      values.push_back(broadcast_to(*tangents_[slot], concatenate(Shape{count_}, input.shape())));
    }
    const Optional first = primitive_.jvp({copy.inputs, copy.output, at_.attributes}, along);
    if (!first) return std::nullopt;
    const Optional second = nabla::jvp(std::span(&*first, 1), copy.variables, directions)[0];
    if (!second) return std::nullopt;
    return sum(substitute(std::span(&*second, 1), all, values)[0], {0});
  }

  const Primitive& primitive_;
  const Application& at_;
  Tangents tangents_;
  std::int64_t count_;
  std::vector<std::size_t> active_;
};

// What the directions `seeds` contribute to the Laplacian of y; nullopt for zero.
Optional contribution(const Dependents& between, const Tensor& y, const Tensor& x, const Tensor& seeds) {
  std::vector<Optional> tangents(between.nodes.size());
  std::vector<Optional> laplacians(between.nodes.size());
  std::vector<Optional> incoming;
  std::vector<Optional> incoming_laplacians;
  for (std::size_t n = 0; n < between.nodes.size(); ++n) {
    Node* node = between.nodes[n];
    if (node == &x.node()) {
      tangents[n] = seeds;
      continue;
    }
    const UseOfNode use(node);
    const Application at = use.application();
    const Primitive& primitive = node->primitive();
    incoming.clear();
    incoming_laplacians.clear();
    bool any = false;
    bool any_laplacian = false;
    for (int slot = 0; slot < use.slots(); ++slot) {
      const int index = between.index.find(use.input_node(slot));
      const auto of_slot = [&](const std::vector<Optional>& held) -> Optional {
        if (index == NodeMap::kAbsent || !held[static_cast<std::size_t>(index)]) return std::nullopt;
        return expand_where(*held[static_cast<std::size_t>(index)], use.input_node(slot)->shape(),
                            [&](int axis) { return !primitive.accepts_compressed_tangent(at, slot, axis); });
      };
      incoming.push_back(of_slot(tangents));
      incoming_laplacians.push_back(of_slot(laplacians));
      any = any || incoming.back();
      any_laplacian = any_laplacian || incoming_laplacians.back();
    }
    if (!any) continue;
    tangents[n] = primitive.jvp(at, incoming);
    if (any_laplacian) laplacians[n] = primitive.jvp(at, incoming_laplacians);
    accumulate(laplacians[n], SecondOrderTerm(primitive, at, incoming, seeds.shape()[0]).get());
  }
  const int index = between.index.find(&y.node());
  return index == NodeMap::kAbsent ? std::nullopt : laplacians[static_cast<std::size_t>(index)];
}

}  // namespace

Tensor laplacian(const Field& f, const Tensor& x, const LaplacianOptions& options) {
  constexpr const char* kName = "laplacian";
  const Tensor at = variable(x.shape(), x.dtype());
  const Tensor y = f(at);
  if (!is_floating(x.dtype()) || y.dtype() != x.dtype())
    throw Error(std::string(kName) + ": argument " + std::string(name_of(x.dtype())) + " and result " +
                std::string(name_of(y.dtype())) + " must be of one floating type");
  require_samplewise(kName, y, at);
  const Shape sample = x.shape().without_first(1);
  const Dependents between = dependents(std::span(&y, 1), std::span(&at, 1), Through::differentiable);
  const std::int64_t chunk = seeds_at_once(y, at, sample.size(), options.tangent_bytes);
  Optional total;
  for (std::int64_t start = 0; start < sample.size(); start += chunk)
    accumulate(total,
               contribution(between, y, at,
                            one_hot_seeds(start, std::min(start + chunk, sample.size()), sample, x.dtype())));
  if (!total) return zeros(y.shape(), y.dtype());
  return broadcast_to(substitute(std::span(&*total, 1), std::span(&at, 1), std::span(&x, 1))[0], y.shape());
}

}  // namespace nabla
