#include <doctest/doctest.h>

#include "engine/engine.h"
#include "flow/empirical_field.h"
#include "flow/field.h"

namespace nabla::flow {

TEST_CASE("the covariance of a batch over many data takes no more than a part of the deviations at once") {
  constexpr std::int64_t kData = 100000, kElements = 64, kSamples = 32;
  const EmpiricalField field(normal(random_key(1), Shape{kData, kElements}).detach());
  const Tensor x = normal(random_key(2), Shape{kSamples, kElements}).detach();
  const Tensor s = field.posterior_covariance(x, shared_time(.5, DType::f32));
  CHECK(make_plan(std::span(&s, 1)).plan->peak_bytes() < kSamples * kData * kElements * 4 / 2);
}

TEST_CASE("a covariance that is put together from parts is that of the weights") {
  constexpr std::int64_t kData = 9000, kElements = 150;  // more than one part
  const Tensor data = normal(random_key(1), Shape{kData, kElements}, DType::f64).detach();
  const EmpiricalField field(data);
  const Tensor x = normal(random_key(2), Shape{2, kElements}, DType::f64).detach();
  const Tensor t = shared_time(.05, DType::f64);
  const Tensor w = field.weights(x, t), m = field.posterior_mean(x, t);
  for (std::int64_t b = 0; b < 2; ++b) {
    const Tensor d = data - slice(m, 0, b, b + 1);
    const Tensor expected = matmul(transpose(d * transpose(slice(w, 0, b, b + 1))), d);
    CHECK(reduce_max(abs(field.posterior_covariance(x, t)[static_cast<int>(b)] - expected)).item() < 1e-12);
  }
}

}  // namespace nabla::flow
