#include "uncertainty/posterior.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/autodiff/jacobian/directional_derivatives.h"
#include "engine/autodiff/jacobian/samplewise.h"
#include "engine/graph/evaluation.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/number_text.h"
#include "flow/per_sample.h"
#include "uncertainty/require_inside.h"
#include "uncertainty/symmetric_spectrum.h"

namespace nabla::uncertainty {
namespace {

// A factor [B or 1, 1, ..] of samples as one of per-sample numbers: [B or 1].
Tensor per_sample(const Tensor& factor) { return reshape(factor, Shape{factor.shape()[0]}); }
// The same for per-sample matrices: [B or 1, 1, 1].
Tensor per_matrix(const Tensor& factor) { return reshape(factor, Shape{factor.shape()[0], 1, 1}); }

std::int64_t elements_of(const Tensor& x) { return x.shape().without_first(1).size(); }

std::vector<std::string> reasons_against(const flow::AffinePath& path, const PosteriorOptions& options) {
  if (!options.metadata) return {};
  return precondition_violations(*options.metadata, path, options.source_scale);
}

// Lets the reasons pass where the caller has asked for that. @throws Error with all of them else.
std::vector<std::string> pass(std::vector<std::string> reasons, Preconditions preconditions) {
  if (reasons.empty() || preconditions == Preconditions::warn) return reasons;
  std::string message = "posterior: the Jacobian of this field does not tell the covariance of the data: ";
  for (std::size_t i = 0; i < reasons.size(); ++i) message += (i > 0 ? "; " : "") + reasons[i];
  throw Error(message + " (Preconditions::warn goes on all the same)");
}

// How far r is from t, where both have elements.
double largest_gap(const Tensor& t, const Tensor& r) {
  return r.size() == 0 ? 0 : reduce_max(abs(cast(r - t, DType::f64))).item();
}

}  // namespace

Posterior::Posterior(flow::TimedField v, const flow::AffinePath& path, const Tensor& x, const Tensor& t,
                     const PosteriorOptions& options, std::vector<std::string> reasons)
    : v_(std::move(v)),
      x_(x),
      t_(t),
      jacobian_(options.jacobian),
      warnings_(pass(std::move(reasons), options.preconditions.value_or(Preconditions::refuse))) {
  if (!(options.source_scale > 0))
    throw Error("posterior: the scale " + number_text(options.source_scale) +
                " of the source must be positive");
  const Tensor time = flow::time_factor("posterior", t, x);
  require_inside("posterior", t);
  const Tensor s = path.s(time), noise = s * options.source_scale, level = noise / path.a(time);
  at_ = {s, path.s_rate(time), path.wronskian(time), level, noise * level};
}

Field Posterior::at_fixed_time() const {
  return [this](const Tensor& x) { return v_(x, t_); };
}

Tensor Posterior::mean() const {
  const Tensor velocity = v_(x_, t_);
  flow::require_velocity("posterior", velocity, x_);
  return (at_.s * velocity - at_.s_rate * x_) / at_.wronskian;
}

Tensor Posterior::trace() const {
  const Tensor divergence = nabla::divergence(at_fixed_time(), x_, jacobian_);
  return per_sample(at_.spread) *
         (per_sample(at_.s) * divergence - per_sample(at_.s_rate) * static_cast<double>(elements_of(x_))) /
         per_sample(at_.wronskian);
}

Tensor Posterior::variance() const {
  const Tensor diagonal = jacobian_diagonal(at_fixed_time(), x_, jacobian_);
  return at_.spread * (at_.s * diagonal - at_.s_rate) / at_.wronskian;
}

Tensor Posterior::mean_jacobian() const {
  const std::int64_t elements = elements_of(x_);
  const Tensor j =
      reshape(sample_jacobian(at_fixed_time(), x_, jacobian_), Shape{x_.shape()[0], elements, elements});
  return (per_matrix(at_.s) * j - per_matrix(at_.s_rate) * identity(elements, x_.dtype())) /
         per_matrix(at_.wronskian);
}

Tensor Posterior::covariance() const { return per_matrix(at_.spread) * mean_jacobian(); }

LinearOperator Posterior::covariance_operator() const {
  const LinearOperator j = jacobian_operator(at_fixed_time(), x_);
  if (!(j.domain == j.range))
    throw Error("posterior: the field maps " + to_string(j.domain) + " to " + to_string(j.range) +
                "; a velocity has the shape of its sample");
  const auto scaled = [at = at_](const std::function<Tensor(const Tensor&)>& product) {
    return [at, product](const Tensor& vectors) {
      return at.spread * (at.s * product(vectors) - at.s_rate * vectors) / at.wronskian;
    };
  };
  return {scaled(j.apply), scaled(j.apply_transpose), j.domain, j.range, j.dtype};
}

Tensor Posterior::apply(const Tensor& vectors) const { return covariance_operator().apply(vectors); }

EigenPairs Posterior::eigenpairs(std::int64_t count, SpectrumOptions options) const {
  options.count = count;
  return top_eigenpairs(covariance_operator(), options);
}

PosteriorSamples Posterior::samples(const Tensor& key, std::int64_t n) const {
  if (n < 0) throw Error("posterior: " + std::to_string(n) + " samples");
  const std::int64_t batch = x_.shape()[0], elements = elements_of(x_);
  std::vector<double> factor, clipped;
  Evaluation evaluation("Posterior::samples");
  for (const SymmetricEigen& eigen : symmetric_factors(evaluation.reads(covariance()))) {
    double all = 0, negative = 0;
    for (std::size_t i = 0; i < eigen.values.size(); ++i) {
      const double value = eigen.values[i];
      all += std::abs(value);
      negative += std::max(0.0, -value);
      const double deviation = std::sqrt(std::max(0.0, value));
      for (std::size_t j = 0; j < eigen.values.size(); ++j)
        factor.push_back(deviation * eigen.vectors[i * eigen.values.size() + j]);
    }
    clipped.push_back(all > 0 ? negative / all : 0);
  }
  // Row i of a factor is an eigenvector, as long as its standard deviation.
  const Tensor rows = cast(evaluation.leaf(tensor(factor, Shape{batch, elements, elements})), x_.dtype());
  const Tensor z = normal(key, Shape{n, batch, 1, elements}, x_.dtype());
  const Tensor deviations = reshape(matmul(z, rows), concatenate(Shape{n}, x_.shape()));
  return {mean() + deviations, evaluation.leaf(tensor(clipped, Shape{batch}))};
}

PosteriorLogDeterminant Posterior::log_determinant(double floor) const {
  if (!(floor >= 0 && floor < 1))
    throw Error("posterior: the floor " + number_text(floor) + " of a log determinant must lie in [0, 1)");
  const Shape batch = x_.shape().first(1);
  Evaluation evaluation("Posterior::log_determinant");
  const std::vector<double> spread =
      evaluation.reads(broadcast_to(cast(per_sample(at_.spread), DType::f64), batch)).to_vector<double>();
  std::vector<double> logs;
  std::vector<std::int64_t> left_out;
  for (const std::vector<double>& eigenvalues : symmetric_spectra(evaluation.reads(mean_jacobian()))) {
    double largest = 0, total = 0;
    for (const double value : eigenvalues) largest = std::max(largest, std::abs(value));
    std::int64_t rank = 0;
    for (const double value : eigenvalues) {
      if (!(value > floor * largest)) continue;
      total += std::log(spread[logs.size()]) + std::log(value);
      ++rank;
    }
    left_out.push_back(static_cast<std::int64_t>(eigenvalues.size()) - rank);
    logs.push_back(rank > 0 || eigenvalues.empty() ? total : -std::numeric_limits<double>::infinity());
  }
  return {evaluation.leaf(tensor(logs, batch)), evaluation.leaf(tensor(left_out, batch))};
}

Tensor Posterior::third_moment(const Tensor& directions) const {
  require_samplewise("posterior", v_(x_, t_), x_);
  const Tensor second = directional_derivatives(at_fixed_time(), x_, directions, 2)[2];
  const Tensor curvature = sum(directions * second, flow::element_axes(x_));
  return square(per_sample(at_.spread)) * per_sample(at_.s) / per_sample(at_.wronskian) * curvature;
}

Tensor Posterior::noise_level() const { return at_.noise_level; }

Posterior posterior(const flow::TimedField& v, const flow::AffinePath& path, const Tensor& x, const Tensor& t,
                    const PosteriorOptions& options) {
  return {v, path, x, t, options, reasons_against(path, options)};
}

Posterior posterior(const flow::AverageField& u, const flow::AffinePath& path, const Tensor& x,
                    const Tensor& t, const Tensor& r, const PosteriorOptions& options) {
  flow::time_factor("posterior", t, x);
  flow::time_factor("posterior", r, x);
  std::vector<std::string> reasons = reasons_against(path, options);
  if (!same(t, r)) {
    if (!has_elements(t) || !has_elements(r))
      throw Error(
          "posterior: inside a transform by time t and r cannot be compared; pass the same tensor for both, "
          "or flow::instantaneous(u)");
    if (const double gap = largest_gap(t, r); !(gap == 0))
      reasons.push_back("it is an average velocity u(x, t, r) with r up to " + number_text(gap) +
                        " away from t; only u(x, t, t), the velocity itself, is a conditional mean");
  }
  return {[u, r](const Tensor& at, const Tensor& time) { return u(at, time, r); },
          path,
          x,
          t,
          options,
          std::move(reasons)};
}

}  // namespace nabla::uncertainty
