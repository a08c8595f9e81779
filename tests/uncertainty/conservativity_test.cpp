#include "uncertainty/conservativity.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "engine/engine.h"
#include "nn/mlp.h"
#include "tests/uncertainty/oracles.h"
#include "uncertainty/diagnostics.h"
#include "uncertainty/student_t.h"

namespace nabla::uncertainty {
namespace {

using namespace test;

flow::TimedField linear_field(const Tensor& matrix) {
  return [matrix](const Tensor& x, const Tensor&) { return matmul(x, transpose(matrix)); };
}

nn::Mlp network(std::int64_t n) {
  return nn::Mlp(
      random_key(1),
      {.inputs = n, .outputs = n, .width = 16, .hidden_layers = 2, .output_gain = 1, .dtype = DType::f64});
}

}  // namespace

TEST_CASE("the field of an exact posterior is conservative, and so is its mean") {
  const flow::EmpiricalField field(random_normal(1, Shape{30, 6}));
  const Tensor x = random_normal(2, Shape{4, 6}), t = time_of(.4);
  for (const bool of_mean : {false, true}) {
    const flow::TimedField v = [&](const Tensor& at, const Tensor& time) {
      return of_mean ? field.posterior_mean(at, time) : field.velocity(at, time);
    };
    CHECK(largest(conservativity(v, x, t, random_key(3)).value) < 1e-20);
    const LoopWork loop = loop_work(v, polygon_around(x, .5, random_key(4)), t, 16);
    CHECK(largest(loop.work / loop.scale) < 1e-9);
    CHECK(reduce_min(loop.scale).item() > .01);
  }
}

TEST_CASE("conservativity is the square of the symmetry defect, within its standard error") {
  const std::int64_t n = 80;
  const nn::Mlp net = network(n);
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return net(x, t); };
  const Tensor x = random_normal(2, Shape{40, n});
  for (const std::int64_t batch : {1, 40}) {
    const Tensor t = uniform(random_key(5), Shape{batch, 1}, DType::f64);
    const Tensor j = sample_jacobian([&](const Tensor& at) { return v(at, t); }, x);
    const Tensor exact = square(symmetry_defect(j));
    const Conservativity found = conservativity(v, x, t, random_key(6), 64);
    CHECK(found.value.shape() == Shape{40});
    const Tensor z = (found.value - exact) / found.standard_error;
    // About standard normal over the samples.
    CHECK(reduce_max(abs(z)).item() < 5);
    CHECK(std::sqrt(mean(square(z)).item()) == doctest::Approx(1).epsilon(.3));
  }
}

TEST_CASE("its interval holds the truth as often as it says, with few probes too") {
  for (const std::int64_t n : {6, 40}) {
    const nn::Mlp net = network(n);
    const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return net(x, t); };
    const Tensor x = random_normal(2, Shape{2000, n}), t = time_of(.4);
    const Tensor exact =
        square(symmetry_defect(sample_jacobian([&](const Tensor& at) { return v(at, t); }, x)));
    for (const std::int64_t probes : {4, 16}) {
      CAPTURE(n);
      CAPTURE(probes);
      const Conservativity found = conservativity(v, x, t, random_key(6), probes);
      if (probes >= n) {
        CHECK(largest(found.value - exact) < 1e-13);
        CHECK(largest(found.half_width) == 0);
        continue;
      }
      CHECK(reduce_min(found.standard_error).item() > 0);
      const Tensor held = cast(less_equal(abs(found.value - exact), found.half_width), DType::f64);
      // Squares are skewed, and those of few elements few, which costs some of the 95%.
      CHECK(mean(held).item() > (n < 10 ? .88 : .91));
      CHECK(mean(held).item() < .97);
    }
  }
}

TEST_CASE("Student's t") {
  // Quantiles .975 by scipy.stats.t.ppf.
  CHECK(student_t_95(1) == doctest::Approx(12.706204736174707).epsilon(1e-12));
  CHECK(student_t_95(3) == doctest::Approx(3.182446305284263).epsilon(1e-12));
  CHECK(student_t_95(15) == doctest::Approx(2.131449545559323).epsilon(1e-12));
  CHECK(student_t_95(1000) == doctest::Approx(1.9623390808264078).epsilon(1e-11));
  CHECK_THROWS_WITH_AS(student_t_95(0), doctest::Contains("0 degrees"), Error);
}

TEST_CASE("conservativity of a symmetric and of an antisymmetric matrix, and what it refuses") {
  const Tensor x = random_normal(2, Shape{2, 2}), t = time_of(.5);
  const Tensor symmetric = tensor<double>({1, 2, 2, -1}, Shape{2, 2});
  const Tensor turn = tensor<double>({0, -1, 1, 0}, Shape{2, 2});
  CHECK(largest(conservativity(linear_field(symmetric), x, t, random_key(1)).value) == 0);
  CHECK(conservativity(linear_field(turn), x, t, random_key(1)).value[0].item() == INFINITY);
  // |M - M^T|^2 = 8 and |M + M^T|^2 = 8 for M = 1 + turn: the same for every probe.
  const Conservativity equal =
      conservativity(linear_field(identity(2, DType::f64) + turn), x, t, random_key(1));
  CHECK(equal.value[0].item() == doctest::Approx(1).epsilon(1e-13));
  CHECK(equal.standard_error[0].item() < 1e-12);
  const auto constant = [](const Tensor& at, const Tensor&) { return ones_like(at); };
  CHECK(std::isnan(conservativity(constant, x, t, random_key(1)).value[0].item()));
  CHECK_THROWS_WITH_AS(conservativity(linear_field(turn), x, t, random_key(1), 3),
                       doctest::Contains("there must be at least four"), Error);
  const flow::TimedField wider = [](const Tensor& at, const Tensor&) { return concatenate({at, at}, 1); };
  CHECK_THROWS_WITH_AS(conservativity(wider, x, t, random_key(1)), doctest::Contains("[2, 2] to [2, 4]"),
                       Error);
  const flow::TimedField mixes = [](const Tensor& at, const Tensor&) { return at - mean(at, {0}, true); };
  CHECK_THROWS_WITH_AS(conservativity(mixes, x, t, random_key(1)), doctest::Contains("mixes samples"), Error);
}

TEST_CASE("the work around a triangle is the curl times its area") {
  // (0,0), (2,0), (0,3) counter-clockwise, of area 3, and the same turned the other way; curl M = M10 - M01.
  const Tensor corners = tensor<double>({0, 0, 0, 0, 2, 0, 0, 3, 0, 3, 2, 0}, Shape{3, 2, 2});
  const Tensor matrix = tensor<double>({.3, -1, 1.5, 2}, Shape{2, 2});
  const LoopWork loop = loop_work(linear_field(matrix), corners, time_of(.5), 1);
  CHECK(loop.work[0].item() == doctest::Approx(7.5).epsilon(1e-13));
  CHECK(loop.work[1].item() == doctest::Approx(-7.5).epsilon(1e-13));
  CHECK(reduce_min(loop.scale - abs(loop.work)).item() >= 0);
}

TEST_CASE("two nodes integrate cubic fields exactly") {
  // (-y^3, x^3) around (0,0), (1,0), (0,1): the curl 3 x^2 + 3 y^2 integrates to 1/2.
  const flow::TimedField v = [](const Tensor& x, const Tensor&) {
    const Tensor a = x({all, range(0, 1)}), b = x({all, range(1, 2)});
    return concatenate({-(b * b * b), a * a * a}, 1);
  };
  const Tensor triangle = tensor<double>({0, 0, 1, 0, 0, 1}, Shape{3, 1, 2});
  CHECK(loop_work(v, triangle, time_of(.5), 2).work.item() == doctest::Approx(.5).epsilon(1e-14));
  CHECK(loop_work(v, triangle, time_of(.5), 1).work.item() == doctest::Approx(.25).epsilon(1e-14));
}

TEST_CASE("each sample has its loop and its time, also of images") {
  const nn::Mlp net = network(4);
  const flow::TimedField flat = [&](const Tensor& x, const Tensor& t) { return net(x, t); };
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) {
    return reshape(net(reshape(x, Shape{x.shape()[0], 4}), t), x.shape());
  };
  const Tensor x = random_normal(2, Shape{3, 2, 2});
  const Tensor t = tensor<double>({.2, .5, .9}, Shape{3, 1});
  const Tensor loops = polygon_around(x, .3, random_key(3), 5);
  CHECK(loops.shape() == Shape{5, 3, 2, 2});
  const LoopWork all_of_them = loop_work(v, loops, t);
  for (int b = 0; b < 3; ++b) {
    const Tensor one = reshape(loops({all, b}), Shape{5, 1, 4});
    const LoopWork alone = loop_work(flat, one, t({range(b, b + 1)}));
    CHECK(alone.work.item() == doctest::Approx(all_of_them.work[b].item()).epsilon(1e-12));
    CHECK(alone.scale.item() == doctest::Approx(all_of_them.scale[b].item()).epsilon(1e-12));
    CHECK(std::abs(alone.work.item()) > 1e-6);
  }
}

TEST_CASE("polygons are regular, closed in a plane through the sample") {
  const Tensor x = random_normal(2, Shape{3, 5});
  const Tensor loops = polygon_around(x, .7, random_key(3), 6);
  CHECK(largest(norm(loops - x, {-1}) - .7) < 1e-13);
  for (int i = 0; i < 6; ++i) CHECK(largest(norm(loops[i] - loops[(i + 1) % 6], {-1}) - .7) < 1e-13);
  CHECK(largest(mean(loops, {0}) - x) < 1e-13);
}

TEST_CASE("loops that do not fit are refused") {
  const flow::TimedField v = linear_field(identity(2, DType::f64));
  CHECK_THROWS_WITH_AS(loop_work(v, zeros(Shape{2, 4, 2}, DType::f64), time_of(.5)),
                       doctest::Contains("[2, 4, 2] must be [P, B, ..]"), Error);
  CHECK_THROWS_WITH_AS(loop_work(v, zeros(Shape{3, 4, 2}, DType::f64), zeros(Shape{3, 1}, DType::f64)),
                       doctest::Contains("[4, 1] or [1, 1]"), Error);
  CHECK_THROWS_WITH_AS(loop_work(v, zeros(Shape{3, 4, 2}, DType::f64), time_of(.5), 0),
                       doctest::Contains("0 nodes"), Error);
  CHECK_THROWS_WITH_AS(polygon_around(zeros(Shape{4, 1}), 1, random_key(1)),
                       doctest::Contains("three of two elements at least"), Error);
  CHECK_THROWS_WITH_AS(polygon_around(zeros(Shape{4, 2}), 1, random_key(1), 2),
                       doctest::Contains("2 corners"), Error);
}

}  // namespace nabla::uncertainty
