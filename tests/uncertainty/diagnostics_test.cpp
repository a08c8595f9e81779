#include "uncertainty/diagnostics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "flow/flow.h"
#include "uncertainty/calibration.h"
#include "uncertainty/posterior.h"

namespace nabla::uncertainty {

TEST_CASE("an exact field has neither defect") {
  const flow::EmpiricalField field(normal(random_key(1), Shape{30, 8}, DType::f64));
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Tensor x = normal(random_key(2), Shape{4, 8}, DType::f64);
  for (const double time : {0.1, 0.4, 0.7}) {
    const Tensor a =
        posterior(v, flow::linear_path(), x, flow::shared_time(time, DType::f64)).mean_jacobian();
    // Late, the posterior all but collapses, and A is what is left of a cancellation.
    CHECK(reduce_max(symmetry_defect(a)).item() < 1e-10);
    CHECK(reduce_max(negative_mass(a)).item() < 1e-10);
  }
}

TEST_CASE("the defects of a linear field that turns") {
  // v = M x with M = [[p, -q], [q, r]]: dm/dx = I + (1-t) M.
  const double p = 0.5;
  const double q = 0.75;
  const double r = -3;
  const double t = 0.25;
  const Tensor transposed = tensor<double>({p, q, -q, r}, Shape{2, 2});
  const flow::TimedField v = [&](const Tensor& x, const Tensor&) { return matmul(x, transposed); };
  const Tensor x = normal(random_key(2), Shape{3, 2}, DType::f64);
  const Tensor a = posterior(v, flow::linear_path(), x, flow::shared_time(t, DType::f64)).mean_jacobian();
  const double first = 1 + (1 - t) * p;
  const double second = 1 + (1 - t) * r;  // negative
  const double defect = std::sqrt(2.0) * (1 - t) * q / std::hypot(first, second);
  for (const double found : symmetry_defect(a).to_vector<double>())
    CHECK(found == doctest::Approx(defect).epsilon(1e-13));
  for (const double found : negative_mass(a).to_vector<double>())
    CHECK(found == doctest::Approx(-second / (first - second)).epsilon(1e-13));
}

TEST_CASE("the defects take f32 matrices, zeros and empty batches") {
  CHECK(negative_mass(zeros(Shape{1, 3, 3})).item() == 0);
  CHECK(negative_mass(zeros(Shape{0, 3, 3})).shape() == Shape{0});
  CHECK(negative_mass(-identity(3)[0] * zeros(Shape{2, 3, 3})).shape() == Shape{2});
  CHECK_THROWS_WITH_AS(symmetry_defect(zeros(Shape{2, 3, 4})),
                       doctest::Contains("[2, 3, 4] must be [B, n, n]"), Error);
  CHECK_THROWS_WITH_AS(negative_mass(zeros(Shape{3, 3})), doctest::Contains("must be [B, n, n]"), Error);
}

TEST_CASE("a posterior is calibrated where its trace is the error of its mean") {
  const std::int64_t n = 20000;
  const Tensor x1 = normal(random_key(1), Shape{n, 3}, DType::f64) * 2;
  const Tensor m = zeros(Shape{n, 3}, DType::f64);
  CHECK(calibration_ratio(x1, m, full(Shape{n}, 12, DType::f64)).item() == doctest::Approx(1).epsilon(0.03));
  CHECK(calibration_ratio(x1, m, full(Shape{n}, 6, DType::f64)).item() == doctest::Approx(2).epsilon(0.03));
  CHECK_THROWS_WITH_AS(calibration_ratio(x1, m, zeros(Shape{3}, DType::f64)),
                       doctest::Contains("[B, ..], [B, ..] and [B]"), Error);
}

}  // namespace nabla::uncertainty
