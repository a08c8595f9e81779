#include <doctest/doctest.h>

#include "engine/engine.h"
#include "uncertainty/diagnostics.h"
#include "uncertainty/intrinsic_dimension.h"
#include "uncertainty/one_step.h"
#include "uncertainty/posterior.h"

// What is factored on the host refuses derivatives by what it was computed from.

namespace nabla::uncertainty {

TEST_CASE("results that need eigenvalues refuse derivatives by parameters and samples") {
  const Tensor w = tensor<double>({-0.5, 0.1, 0.1, -0.25}, {2, 2});
  const Tensor x = tensor<double>({0.5, -1, 0.25, 2}, {2, 2});
  const flow::TimedField v = [&](const Tensor& at, const Tensor&) { return nabla::tanh(matmul(at, w)); };
  const flow::AverageField u = [&](const Tensor& at, const Tensor&, const Tensor&) {
    return nabla::tanh(matmul(at, w));
  };
  const Tensor t = flow::shared_time(0.5, DType::f64);
  const Posterior at = posterior(v, flow::linear_path(), x, t);
  const auto names = [](const Tensor& y, const Tensor& by, const std::string& function) {
    try {
      gradients(sum(y), {by});
    } catch (const Error& error) {
      return std::string(error.what()).find(" of " + function + ", which is evaluated") != std::string::npos;
    }
    return false;
  };
  for (const Tensor& by : {w, x}) {
    const PosteriorSamples samples = at.samples(random_key(0), 2);
    CHECK(names(samples.values, by, "Posterior::samples"));
    CHECK(names(samples.clipped_mass, by, "Posterior::samples"));
    CHECK(names(at.log_determinant().value, by, "Posterior::log_determinant"));
    CHECK(names(negative_mass(at.covariance()), by, "negative_mass"));
    CHECK(names(intrinsic_dimension(at, 0.5).rank, by, "intrinsic_dimension"));
    CHECK(names(one_step_log_density(u, x), by, "one_step_log_density"));
    CHECK(names(inner_posterior(u, x, t).x_t, by, "inner_posterior"));
    CHECK(names(at.eigenpairs(1).values, by, "top_eigenpairs"));
  }
  CHECK(gradients(sum(at.trace()), {w})[0].shape() == w.shape());  // what is an expression flows
}

}  // namespace nabla::uncertainty
