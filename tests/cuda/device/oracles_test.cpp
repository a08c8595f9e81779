#include <doctest/doctest.h>

#include "nn/nn.h"
#include "tests/cuda/device/on_device.h"
#include "tests/uncertainty/oracles.h"
#include "uncertainty/uncertainty.h"

// What the library is for, on the GPU: posteriors from Jacobians against closed forms, and every way to an
// exact divergence against the CPU's.

namespace nabla::test {
namespace {

using namespace uncertainty::test;

}  // namespace

TEST_CASE("the Jacobian of the field of a Gaussian tells its posterior on the GPU") {
  const OnDevice on_device;
  const std::int64_t n = 6;
  const Tensor variances = (uniform(random_key(5), Shape{n}, DType::f64) + 0.05).detach();
  const Tensor x = normal(random_key(6), Shape{5, n}, DType::f64).detach();
  const flow::AffinePath path = flow::linear_path();
  const uncertainty::test::GaussianOracle oracle(normal(random_key(7), Shape{n}, DType::f64).detach(),
                                                 variances, uncertainty::test::reflection(4, n), path);
  const flow::TimedField field = [&](const Tensor& at, const Tensor& now) {
    return oracle.velocity(at, now);
  };
  for (const double time : {.1, .5, .9}) {
    INFO("t = ", time);
    const Tensor t = tensor<double>({time}, Shape{1, 1});
    const uncertainty::Posterior p = uncertainty::posterior(field, path, x, t);
    const Tensor s = oracle.covariance(x, t);
    CHECK(largest(p.covariance() - s) <= 1e-11);
    CHECK(largest(p.trace() - sum(diagonal(s), {-1})) <= 1e-11);
    CHECK(largest(p.mean() - oracle.mean(x, t)) <= 1e-11);
  }
}

TEST_CASE("every exact way to a divergence gives the CPU's on the GPU") {
  const nn::Mlp net(random_key(2), {.inputs = 12,
                                    .outputs = 12,
                                    .width = 24,
                                    .hidden_layers = 2,
                                    .frequencies = 2,
                                    .embedding = 8,
                                    .output_gain = 1});
  const Tensor x = normal(random_key(3), {5, 12}, DType::f32).detach();
  const Field field = [&](const Tensor& at) { return net(at, tensor<float>({0.3f}, {1, 1})); };
  const std::vector<double> expected =
      spec::elements(divergence(field, x, {.method = JacobianMethod::forward}));
  double scale = 1;
  for (const double d : expected) scale = std::max(scale, std::abs(d));
  const OnDevice on_device;
  for (const JacobianMethod method : {JacobianMethod::automatic, JacobianMethod::forward,
                                      JacobianMethod::reverse, JacobianMethod::contraction}) {
    const std::vector<double> got = spec::elements(divergence(field, x, {.method = method}));
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - expected[i]) <= 2e-5 * scale);
  }
}

}  // namespace nabla::test
