#include "examples/posterior_components/components.h"

#include <algorithm>
#include <cmath>

#include "engine/engine.h"
#include "uncertainty/symmetric_spectrum.h"
#include "uncertainty/uncertainty.h"

namespace nabla::posterior_components {
namespace {

double largest_error(const Tensor& variances, const Tensor& covariance) {
  const std::vector<double> found = variances.to_vector<double>();
  const std::vector<std::vector<double>> spectra = uncertainty::symmetric_spectra(covariance);
  const std::size_t count = variances.shape()[1];
  double error = 0;
  for (std::size_t b = 0; b < spectra.size(); ++b)
    for (std::size_t i = 0; i < count; ++i)
      error = std::max(
          error, std::abs(found[b * count + i] - spectra[b][spectra[b].size() - 1 - i]) / spectra[b].back());
  return error;
}

}  // namespace

ComponentsAtTime principal_components(const flow::TimedField& v, const flow::FieldMetadata& metadata,
                                      const Tensor& clean, const Tensor& noise, double t,
                                      std::int64_t count) {
  const Tensor time = flow::shared_time(t, clean.dtype());
  ComponentsAtTime found;
  found.t = t;
  found.noisy = flow::interpolate(flow::linear_path(), noise, clean, time).x.detach();
  const uncertainty::Posterior posterior =
      uncertainty::posterior(v, flow::linear_path(), found.noisy, time, {.metadata = metadata});
  const EigenPairs pairs = posterior.eigenpairs(count);
  found.mean = posterior.mean().detach();
  found.traces = posterior.trace().detach();
  found.variances = pairs.values;
  found.directions = pairs.vectors;
  found.products = pairs.products;
  found.converged = pairs.converged;
  found.error = largest_error(pairs.values, posterior.covariance());
  return found;
}

std::vector<double> explained_shares(const ComponentsAtTime& components) {
  const std::int64_t count = components.variances.shape()[1];
  const Tensor shares = components.variances / insert_axes(cast(components.traces, DType::f64), {-1});
  std::vector<double> means = mean(shares, {-2}).to_vector<double>();
  for (std::size_t i = 1; i < static_cast<std::size_t>(count); ++i) means[i] += means[i - 1];
  return means;
}

}  // namespace nabla::posterior_components
