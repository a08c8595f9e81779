#include "examples/posterior_components/components.h"

#include <algorithm>
#include <cmath>

#include "engine/engine.h"
#include "uncertainty/symmetric_spectrum.h"
#include "uncertainty/uncertainty.h"

namespace nabla::posterior_components {
namespace {

double largest_error(const Tensor& variances, const Tensor& covariance) {
  const std::vector<double> estimates = variances.to_vector<double>();
  const std::vector<std::vector<double>> spectra = uncertainty::symmetric_spectra(covariance);
  const std::size_t count = variances.shape()[1];
  double error = 0;
  for (std::size_t b = 0; b < spectra.size(); ++b)
    for (std::size_t i = 0; i < count; ++i)
      error = std::max(error, std::abs(estimates[b * count + i] - spectra[b][spectra[b].size() - 1 - i]) /
                                  spectra[b].back());
  return error;
}

}  // namespace

ComponentsAtTime principal_components(const flow::TimedField& v, const flow::FieldMetadata& metadata,
                                      const Tensor& clean, const Tensor& noise, double t,
                                      std::int64_t count) {
  const Tensor time = flow::shared_time(t, clean.dtype());
  ComponentsAtTime components;
  components.t = t;
  components.noisy = flow::interpolate(flow::linear_path(), noise, clean, time).x.detach();
  const uncertainty::Posterior posterior =
      uncertainty::posterior(v, flow::linear_path(), components.noisy, time, {.metadata = metadata});
  const EigenPairs pairs = posterior.eigenpairs(count);
  components.mean = posterior.mean().detach();
  components.traces = posterior.trace().detach();
  components.variances = pairs.values;
  components.directions = pairs.vectors;
  components.products = pairs.products;
  components.converged = pairs.converged;
  components.error = largest_error(pairs.values, posterior.covariance());
  return components;
}

std::vector<double> explained_shares(const ComponentsAtTime& components) {
  const std::int64_t count = components.variances.shape()[1];
  const Tensor shares = components.variances / insert_axes(cast(components.traces, DType::f64), {-1});
  std::vector<double> means = mean(shares, {-2}).to_vector<double>();
  for (std::size_t i = 1; i < static_cast<std::size_t>(count); ++i) means[i] += means[i - 1];
  return means;
}

}  // namespace nabla::posterior_components
