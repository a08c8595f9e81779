#include "engine/autodiff/jacobian/laplacian.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "engine/autodiff/jacobian/one_hot_seeds.h"
#include "engine/autodiff/jvp.h"
#include "engine/autodiff/transform.h"
#include "engine/graph/walk.h"
#include "engine/ops/constant.h"
#include "engine/ops/contract.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/substitute.h"

namespace nabla {
namespace {

using Optional = std::optional<Tensor>;

void add_term(Optional& sum, const Optional& term) {
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
        const Optional second = nabla::jvp_compressed(*first, copy.variables[j], one);
        if (!second) continue;
        const Tensor factor = substitute(std::span(&*second, 1), copy.variables, values)[0];
        const Tensor square = sum(*tangents_[active_[i]] * *tangents_[active_[j]], {0});
        add_term(total, factor * (i == j ? square : square * 2.0));
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
        add_term(total, sum(apply(primitive_, pair, at_.attributes), {0}) * 2.0);
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

// The graph between x and y, through which tangents and Laplacians go forward.
class Forward {
 public:
  explicit Forward(const FieldOnVariable& field)
      : field_(field),
        between_(dependents(field.y, field.x, Through::differentiable)),
        is_variable_(between_.nodes.size()),
        second_order_(between_.nodes.size()) {
    for (std::size_t n = 0; n < between_.nodes.size(); ++n)
      is_variable_[n] = between_.nodes[n] == &field.x.node();
  }

  /// Pushes directions [K, 1, *S] and adds what they contribute to the second order of every node.
  void push(const Tensor& seeds) {
    std::vector<Optional> carried(between_.nodes.size());
    for (std::size_t n = 0; n < carried.size(); ++n)
      if (is_variable_[n]) carried[n] = seeds;
    push_forward(between_, is_variable_, carried,
                 [&](std::size_t n, const Primitive& primitive, const Application& at, Tangents incoming) {
                   add_term(second_order_[n],
                            SecondOrderTerm(primitive, at, incoming, seeds.shape()[0]).get());
                   return primitive.jvp(at, incoming);
                 });
  }

  /// The Laplacian of y along all directions pushed; nullopt for zero.
  Optional laplacian() const {
    std::vector<Optional> carried(between_.nodes.size());
    const auto rule = [&](std::size_t n, const Primitive& primitive, const Application& at,
                          Tangents incoming) {
      const bool all_zero = std::ranges::none_of(incoming, &Optional::has_value);
      Optional result = all_zero ? std::nullopt : primitive.jvp(at, incoming);
      add_term(result, second_order_[n]);
      return result;
    };
    push_forward(between_, is_variable_, carried, rule, /*visits_all=*/true);
    const int index = between_.index.find(&field_.y.node());
    return index == NodeMap::kAbsent ? std::nullopt : carried[index];
  }

 private:
  const FieldOnVariable& field_;
  Dependents between_;
  std::vector<bool> is_variable_;
  std::vector<Optional> second_order_;  // of each node: sum_k g''[t_k, t_k]
};

}  // namespace

Tensor laplacian(const Field& f, const Tensor& x, const LaplacianOptions& options,
                 std::source_location where) {
  const FieldOnVariable field = samplewise_on_variable("laplacian", f, x, /*same_shape=*/false, where);
  const Shape sample = x.shape().without_first(1);
  const std::int64_t chunk = seeds_at_once(field.y, field.x, sample.size(), options.tangent_bytes);
  Forward forward(field);
  for (std::int64_t start = 0; start < sample.size(); start += chunk)
    forward.push(one_hot_seeds(start, std::min(start + chunk, sample.size()), sample, x.dtype()));
  const Optional total = forward.laplacian();
  if (!total) return zeros(field.y.shape(), x.dtype());
  return broadcast_to(field.put_back(*total), field.y.shape());
}

}  // namespace nabla
