#include <doctest/doctest.h>

#include "engine/engine.h"
#include "flow/flow.h"
#include "nn/nn.h"
#include "tests/nn/picture_fields.h"
#include "tests/uncertainty/oracles.h"
#include "uncertainty/posterior.h"

// Posteriors of networks, which no closed form tells: their parts against each other and against the field.

namespace nabla::uncertainty {
namespace {

using namespace test;

template <class Network>
void check_posterior_of(const Network& network, double filled = 0.4) {
  nn::fill_parameters(network, filled);
  const flow::TimedField v = [&](const Tensor& at, const Tensor& time) { return network(at, time); };
  constexpr std::int64_t kElements = 16;
  const Tensor x = random_normal(1, Shape{2, kElements});
  const Tensor t = tensor<double>({0.3, 0.8}, {2, 1});
  const Posterior p = posterior(v, flow::linear_path(), x, t);

  // S = ((1-t)^2 / t)(I + (1-t) J) on the linear path, here with J by rows in reverse mode.
  const Field field = [&](const Tensor& at) { return network(at, t); };
  const Tensor j = sample_jacobian(field, x, {.method = JacobianMethod::reverse});
  const Tensor left = insert_axes(1 - t, {-1}), scale = square(left) / insert_axes(t, {-1});
  const Tensor matrix = scale * (identity(kElements, DType::f64) + left * j);
  REQUIRE(largest(left * j) > 0.01);  // the tolerances below are far smaller
  CHECK(largest(p.covariance() - matrix) < 1e-11);
  CHECK(largest(p.variance() - diagonal(matrix)) < 1e-11);
  CHECK(largest(p.trace() - sum(diagonal(matrix), {-1})) < 1e-10);

  CHECK(largest(p.trace() - sum(p.variance(), {-1})) < 1e-10);
  CHECK(largest(p.trace() - sum(diagonal(p.covariance()), {-1})) < 1e-10);
  const Tensor remaining = reshape(1 - t, {2});
  CHECK(largest(p.trace() - square(remaining) / reshape(t, {2}) *
                                (static_cast<double>(kElements) + remaining * divergence(field, x))) < 1e-10);

  const Tensor e = random_normal(2, x.shape());
  CHECK(largest(p.apply(e) - sum(matrix * insert_axes(e, {-2}), {-1})) < 1e-11);

  // Pictures as they are, by the same field.
  const Posterior of_pictures = posterior(v, flow::linear_path(), reshape(x, {2, 1, 4, 4}), t);
  CHECK(of_pictures.variance().shape() == Shape{2, 1, 4, 4});
  CHECK(largest(reshape(of_pictures.variance(), x.shape()) - p.variance()) < 1e-11);
  CHECK(largest(of_pictures.trace() - p.trace()) < 1e-10);
}

}  // namespace

TEST_CASE("the posterior of a U-Net is one in trace, map and matrix, with norms and attention and without") {
  for (const bool has_norms : {true, false}) {
    CAPTURE(has_norms);
    nn::UNetOptions options = nn::tiny_unet();
    if (!has_norms) options.groups = options.heads = 0;
    check_posterior_of(nn::UNet(random_key(1), options), has_norms ? 0.4 : 0.2);
  }
}

TEST_CASE("the posterior of a DiT is one in trace, map and matrix") {
  check_posterior_of(nn::DiT(random_key(1), nn::tiny_dit()));
}

}  // namespace nabla::uncertainty
