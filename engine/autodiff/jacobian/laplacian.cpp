#include "engine/autodiff/jacobian/laplacian.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "engine/autodiff/alignment.h"
#include "engine/autodiff/jacobian/one_hot_seeds.h"
#include "engine/autodiff/jacobian/samplewise.h"
#include "engine/autodiff/jvp.h"
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
        const Optional second = nabla::jvp_compressed(std::span(&*first, 1), std::span(&copy.variables[j], 1),
                                                      std::span(&one, 1))[0];
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
  Forward(const Tensor& y, const Tensor& x)
      : y_(y),
        x_(x),
        between_(dependents(std::span(&y, 1), std::span(&x, 1), Through::differentiable)),
        second_order_(between_.nodes.size()) {}

  /// Pushes directions [K, 1, *S] and adds what they contribute to the second order of every node.
  void push(const Tensor& seeds) {
    walk(seeds, [&](std::size_t n, const Primitive& primitive, const Application& at, Tangents incoming) {
      if (all_zero(incoming)) return Optional();
      add_term(second_order_[n], SecondOrderTerm(primitive, at, incoming, seeds.shape()[0]).get());
      return primitive.jvp(at, incoming);
    });
  }

  /// The Laplacian of y along all directions pushed; nullopt for zero.
  Optional laplacian() const {
    return walk(std::nullopt,
                [&](std::size_t n, const Primitive& primitive, const Application& at, Tangents incoming) {
                  Optional result = all_zero(incoming) ? std::nullopt : primitive.jvp(at, incoming);
                  add_term(result, second_order_[n]);
                  return result;
                });
  }

 private:
  static bool all_zero(Tangents incoming) {
    return std::none_of(incoming.begin(), incoming.end(), [](const Optional& t) { return t.has_value(); });
  }

  // Goes through the nodes, inputs before users, with what rule(n, primitive, at, incoming) says of each; of
  // x it is `start`. Returns what is said of y.
  template <class Rule>
  Optional walk(const Optional& start, Rule rule) const {
    std::vector<Optional> carried(between_.nodes.size());
    std::vector<Optional> incoming;
    for (std::size_t n = 0; n < between_.nodes.size(); ++n) {
      if (between_.nodes[n] == &x_.node()) {
        carried[n] = start;
        continue;
      }
      const UseOfNode use(between_.nodes[n]);
      const Application at = use.application();
      const Primitive& primitive = between_.nodes[n]->primitive();
      incoming.clear();
      for (int slot = 0; slot < use.slots(); ++slot) {
        const int index = between_.index.find(use.input_node(slot));
        incoming.push_back(index == NodeMap::kAbsent ? std::nullopt : carried[index]);
        if (incoming.back())
          incoming.back() = expand_where(*incoming.back(), use.input_node(slot)->shape(), [&](int axis) {
            return !primitive.accepts_compressed_tangent(at, slot, axis);
          });
      }
      carried[n] = rule(n, primitive, at, incoming);
    }
    const int index = between_.index.find(&y_.node());
    return index == NodeMap::kAbsent ? std::nullopt : carried[index];
  }

  const Tensor& y_;
  const Tensor& x_;
  Dependents between_;
  std::vector<Optional> second_order_;  // of each node: sum_k g''[t_k, t_k]
};

}  // namespace

Tensor laplacian(const Field& f, const Tensor& x, const LaplacianOptions& options,
                 std::source_location where) {
  constexpr const char* kName = "laplacian";
  const Tensor at = variable(x.shape(), x.dtype(), where);
  const Tensor y = f(at);
  if (!is_floating(x.dtype()) || y.dtype() != x.dtype())
    throw Error(std::string(kName) + ": argument " + std::string(name_of(x.dtype())) + " and result " +
                std::string(name_of(y.dtype())) + " must be of one floating type");
  require_samplewise(kName, y, at);
  const Shape sample = x.shape().without_first(1);
  const std::int64_t chunk = seeds_at_once(y, at, sample.size(), options.tangent_bytes);
  Forward forward(y, at);
  for (std::int64_t start = 0; start < sample.size(); start += chunk)
    forward.push(one_hot_seeds(start, std::min(start + chunk, sample.size()), sample, x.dtype()));
  const Optional total = forward.laplacian();
  if (!total) return zeros(y.shape(), y.dtype());
  return broadcast_to(substitute(std::span(&*total, 1), std::span(&at, 1), std::span(&x, 1))[0], y.shape());
}

}  // namespace nabla
