#include "uncertainty/posterior.h"

#include "engine/autodiff/jvp.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "uncertainty/require_inside.h"

namespace nabla::uncertainty {
namespace {

// The path's numbers at the times of x, with x's rank and an extent of 1 on every axis but the first.
struct AtTime {
  Tensor s, s_rate, wronskian;
  Tensor factor;  // s^2 / (a w)
};

AtTime at_time(const char* what, const Tensor& x, const Tensor& t, const PosteriorOptions& options) {
  const Tensor time = flow::time_factor(what, t, x);
  require_inside(what, t);
  const flow::AffinePath& path = options.path;
  AtTime at{path.s(time), path.s_rate(time), path.wronskian(time), {}};
  at.factor = square(at.s) / (path.a(time) * at.wronskian);
  return at;
}

Field at_fixed_time(const flow::TimedField& v, const Tensor& t) {
  return [&v, t](const Tensor& x) { return v(x, t); };
}

// A factor [B or 1, 1, ..] of samples as one of per-sample numbers: [B or 1].
Tensor per_sample(const Tensor& factor) { return reshape(factor, Shape{factor.shape()[0]}); }
// The same for per-sample matrices: [B or 1, 1, 1].
Tensor per_matrix(const Tensor& factor) { return reshape(factor, Shape{factor.shape()[0], 1, 1}); }

}  // namespace

Tensor posterior_mean(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                      const PosteriorOptions& options) {
  const AtTime at = at_time("posterior_mean", x, t, options);
  return (at.s * v(x, t) - at.s_rate * x) / at.wronskian;
}

Tensor posterior_trace(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                       const PosteriorOptions& options) {
  const AtTime at = at_time("posterior_trace", x, t, options);
  const Tensor trace = divergence(at_fixed_time(v, t), x, options.jacobian);
  const double elements = static_cast<double>(x.shape().without_first(1).size());
  return per_sample(at.factor) * (per_sample(at.s) * trace - per_sample(at.s_rate) * elements);
}

Tensor posterior_variance(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                          const PosteriorOptions& options) {
  const AtTime at = at_time("posterior_variance", x, t, options);
  return at.factor * (at.s * jacobian_diagonal(at_fixed_time(v, t), x, options.jacobian) - at.s_rate);
}

Tensor posterior_apply(const flow::TimedField& v, const Tensor& x, const Tensor& t, const Tensor& vectors,
                       const PosteriorOptions& options) {
  const AtTime at = at_time("posterior_apply", x, t, options);
  const Tensor product = jvp(at_fixed_time(v, t), x, vectors).tangent;
  return at.factor * (at.s * product - at.s_rate * vectors);
}

Tensor mean_jacobian(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                     const PosteriorOptions& options) {
  const AtTime at = at_time("mean_jacobian", x, t, options);
  const std::int64_t elements = x.shape().without_first(1).size();
  const Tensor j = reshape(sample_jacobian(at_fixed_time(v, t), x, options.jacobian),
                           Shape{x.shape()[0], elements, elements});
  return (per_matrix(at.s) * j - per_matrix(at.s_rate) * identity(elements, x.dtype())) /
         per_matrix(at.wronskian);
}

Tensor covariance_from_mean_jacobian(const Tensor& mean_jacobian, const Tensor& t,
                                     const PosteriorOptions& options) {
  const AtTime at = at_time("covariance_from_mean_jacobian", mean_jacobian, t, options);
  return at.factor * at.wronskian * mean_jacobian;
}

Tensor posterior_covariance(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                            const PosteriorOptions& options) {
  return covariance_from_mean_jacobian(mean_jacobian(v, x, t, options), t, options);
}

}  // namespace nabla::uncertainty
