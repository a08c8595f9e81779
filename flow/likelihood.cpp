#include "flow/likelihood.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "engine/graph/evaluation.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/tensor/number_text.h"
#include "flow/fixed_step.h"
#include "flow/gauss_legendre.h"
#include "flow/per_sample.h"

namespace nabla::flow {
namespace {

// The last time of the type before 1.
double last_time(DType dtype) { return dtype == DType::f64 ? 1 - 0x1p-53 : 1 - 0x1p-24; }

// t = 1 - u^power as a tensor like u.
Tensor time_of(const Tensor& u, double power) { return min(1 - pow(u, power), last_time(u.dtype())); }

// The divergence at one node after the other of a block of rows: exact, or estimated from what was learnt of
// the Jacobian at the nodes before.
class DivergenceAlong {
 public:
  /// `key` is empty where nothing is drawn.
  DivergenceAlong(const LikelihoodOptions& options, const std::optional<Tensor>& key)
      : jacobian_(options.jacobian), key_(key) {
    if (options.deflation) estimator_.emplace(*options.deflation);
  }
  /// [B] f64 each.
  Estimate at(const Field& v, const Tensor& x) {
    if (key_) jacobian_.key = fold_in(*key_, node_++);
    if (estimator_) return estimator_->estimate(jacobian_operator(v, x), *jacobian_.key);
    const Estimate estimate = estimate_divergence(v, x, jacobian_);
    return {cast(estimate.value, DType::f64), cast(estimate.standard_error, DType::f64)};
  }
  std::int64_t products() const { return estimator_ ? estimator_->products() : 0; }

 private:
  JacobianOptions jacobian_;
  std::optional<Tensor> key_;
  std::optional<DeflatedTrace> estimator_;
  std::uint32_t node_ = 0;
};

// How far the integral of values [N, B] at the nodes of the rule may be off. Coefficients fall by q from one
// quarter of the N known ones to the next; those that the rule takes for others begin four quarters further
// on, and three are counted.
Tensor quadrature_error(const Quadrature& rule, const Tensor& values) {
  const std::int64_t count = values.shape()[0];
  if (count < 4) return full(values.shape().without_first(1), std::nan(""), DType::f64);
  const Tensor coefficients = abs(matmul(tensor(legendre_coefficients(rule), Shape{count, count}), values));
  const auto largest = [&](std::int64_t from, std::int64_t to) {
    return reduce_max(slice(coefficients, 0, from, to), {0});
  };
  const Tensor third = largest(count / 2, 3 * count / 4), last = largest(3 * count / 4, count);
  const Tensor q = min(last / select(equal(third, 0), 1, third), 1);
  return last * q * q * q;
}

// One block of rows on its way from data to noise.
Likelihood follow(const TimedField& v, const Tensor& x1, const LikelihoodOptions& options,
                  const std::optional<Tensor>& key, const Quadrature& rule, Evaluation& evaluation,
                  const std::function<void()>& on_node) {
  const double power = options.power;
  // dx/du, u running from 0 at the data to 1 at the noise; at u = 0 the factor is 0 for powers above 1.
  const TimedField by_u = [&](const Tensor& x, const Tensor& u) {
    const Tensor rate = pow(u, power - 1) * -power;
    return time_factor("log_likelihood", rate, x) * v(x, time_of(u, power));
  };
  Likelihood result;
  result.x0 = evaluation.leaf(x1);
  DivergenceAlong divergences(options, key);
  Tensor integral = zeros(x1.shape().first(1), DType::f64);
  Tensor variance = integral;  // the estimates' errors at different nodes are uncorrelated
  std::vector<Tensor> integrand;
  double u = 0;
  const auto move_to = [&](double next) {
    const Solution part =
        integrate(Solver::rk4, by_u, result.x0, time_grid(u, next, options.steps_between_nodes));
    result.x0 = part.x;
    result.evaluations += part.evaluations;
    u = next;
  };
  for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
    move_to(rule.nodes[i]);
    const Tensor t = time_of(shared_time(u, x1.dtype()), power).detach();
    const Estimate trace = divergences.at([&](const Tensor& x) { return v(x, t); }, result.x0);
    const double rate = power * std::pow(u, power - 1);  // dt = power u^(power-1) du
    const Tensor factor = shared_time(rule.weights[i] * rate, DType::f64)[0];
    integrand.push_back(evaluation.leaf(trace.value * shared_time(rate, DType::f64)[0]));
    integral = evaluation.leaf(integral + trace.value * factor);
    variance = evaluation.leaf(variance + square(trace.standard_error * factor));
    ++result.divergences;
    on_node();
  }
  move_to(1);
  result.log_density = evaluation.leaf(standard_normal_log_density(result.x0) - integral);
  result.standard_error = evaluation.leaf(sqrt(variance));
  result.quadrature_error = evaluation.leaf(quadrature_error(rule, stack(integrand)));
  result.products = divergences.products();
  return result;
}

}  // namespace

Likelihood log_likelihood(const TimedField& v, const Tensor& x1, const LikelihoodOptions& options,
                          const LikelihoodCallback& on_node) {
  if (x1.rank() < 2 || !is_floating(x1.dtype()) || x1.shape()[0] < 1)
    throw Error("log_likelihood: samples " + to_string(x1.shape()) + " " + std::string(name_of(x1.dtype())) +
                " must be [B, ..], of rank 2 at least, floating, and at least one");
  if (options.nodes < 1 || options.steps_between_nodes < 1 || options.rows < 1 || !(options.power >= 1) ||
      !std::isfinite(options.power))
    throw Error("log_likelihood: nodes " + std::to_string(options.nodes) + ", steps_between_nodes " +
                std::to_string(options.steps_between_nodes) + ", power " + number_text(options.power) +
                " and rows " + std::to_string(options.rows) + " must be at least 1");
  if (options.deflation && !options.jacobian.key)
    throw Error(
        "log_likelihood: a divergence that is estimated needs a random key; give options.jacobian.key");
  const Quadrature rule = gauss_legendre(options.nodes);
  const std::int64_t count = x1.shape()[0];
  const std::int64_t total = (count + options.rows - 1) / options.rows * options.nodes;
  std::int64_t done = 0;
  const auto tick = [&] {
    ++done;
    if (on_node) on_node(done, total);
  };
  Evaluation evaluation("log_likelihood");
  evaluation.reads(x1);
  std::vector<Tensor> densities;
  std::vector<Tensor> noise;
  std::vector<Tensor> errors;
  std::vector<Tensor> of_quadrature;
  Likelihood result;
  for (std::int64_t start = 0; start < count; start += options.rows) {
    const Tensor block = slice(x1, 0, start, std::min(start + options.rows, count));
    std::optional<Tensor> key = options.jacobian.key;
    if (key) key = fold_in(*key, static_cast<std::uint32_t>(start / options.rows));
    const Likelihood part = follow(v, block, options, key, rule, evaluation, tick);
    densities.push_back(part.log_density);
    noise.push_back(part.x0);
    errors.push_back(part.standard_error);
    of_quadrature.push_back(part.quadrature_error);
    result.evaluations = part.evaluations;
    result.divergences = part.divergences;
    result.products = part.products;
  }
  result.log_density = evaluation.leaf(concatenate(densities, 0));
  result.x0 = evaluation.leaf(concatenate(noise, 0));
  result.standard_error = evaluation.leaf(concatenate(errors, 0));
  result.quadrature_error = evaluation.leaf(concatenate(of_quadrature, 0));
  return result;
}

Tensor standard_normal_log_density(const Tensor& x) {
  const double constant =
      static_cast<double>(x.shape().without_first(1).size()) * std::log(2 * std::numbers::pi);
  return (sum(square(cast(x, DType::f64)), element_axes(x)) + constant) * -0.5;
}

double bits_per_dim(double mean_log_density, std::int64_t dimensions, std::int64_t levels) {
  if (dimensions < 1 || levels < 1)
    throw Error("bits_per_dim: " + std::to_string(dimensions) + " dimensions and " + std::to_string(levels) +
                " levels; there must be at least one of each");
  return -mean_log_density / (static_cast<double>(dimensions) * std::numbers::ln2) +
         std::log2(static_cast<double>(levels) / 2);
}

}  // namespace nabla::flow
