#include "examples/digits/measure_likelihood.h"

#include <cmath>

#include "engine/engine.h"
#include "examples/digits/dataset.h"
#include "examples/report/timing.h"
#include "flow/flow.h"

namespace nabla::digits {

LikelihoodMeasure measure_likelihood(const flow::TimedField& v, const Tensor& x1,
                                     const std::function<void(double share)>& on_progress) {
  const double start = report::now_seconds();
  const flow::Likelihood likelihood =
      flow::log_likelihood(v, x1, {}, [&](std::int64_t done, std::int64_t total) {
        if (on_progress) on_progress(static_cast<double>(done) / static_cast<double>(total));
      });
  const std::int64_t count = x1.shape()[0];
  const double deviation = std::sqrt(var(likelihood.log_density).item() / static_cast<double>(count));
  LikelihoodMeasure measure;
  measure.bits_per_dim = flow::bits_per_dim(mean(likelihood.log_density).item(), kPixels, kLevels);
  const double bit = static_cast<double>(kPixels) * std::log(2.0);
  measure.standard_error = deviation / bit;
  measure.quadrature_error = mean(likelihood.quadrature_error).item() / bit;
  measure.images = count;
  measure.divergences = likelihood.divergences;
  measure.seconds = report::now_seconds() - start;
  return measure;
}

double gaussian_bits_per_dim(const Tensor& training, const Tensor& x1) {
  return flow::bits_per_dim(mean(flow::full_gaussian_log_density(training, x1)).item(), kPixels, kLevels);
}

}  // namespace nabla::digits
