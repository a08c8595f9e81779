#include "flow/meanflow.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "flow/average_sampling.h"
#include "flow/cfm_loss.h"
#include "flow/fixed_step.h"
#include "flow/gaussian.h"
#include "flow/preconditioned_field.h"
#include "nn/nn.h"
#include "tests/flow/numbers.h"

namespace nabla::flow {
namespace {

// Data with a full covariance, for which all average velocities are known.
GaussianField correlated_gaussian(const AffinePath& path = linear_path()) {
  const Tensor v = random_normal(5, Shape{4, 1});
  const Tensor reflection = identity(4, DType::f64) - matmul(v, transpose(v)) * 2 / sum(square(v));
  return GaussianField(random_normal(1, Shape{4}), tensor<double>({2, 0.7, 0.1, 0.02}, Shape{4}), reflection,
                       path);
}

// Its average velocity; the velocity where both times agree.
AverageField exact(const GaussianField& field) {
  return [field](const Tensor& x, const Tensor& t, const Tensor& r) {
    const Tensor apart = not_equal(t, r);
    return select(apart, field.average_velocity(x, t, select(apart, r, r + 1)), field.velocity(x, t));
  };
}

// Times 0 < t < s < r < 1.
struct Times {
  Tensor t, s, r;
};
Times three_times(std::int64_t count) {
  const Tensor sorted = sort(uniform(random_key(9), Shape{count, 3}, DType::f64) * 0.9 + 0.03);
  return {slice(sorted, 1, 0, 1), slice(sorted, 1, 1, 2), slice(sorted, 1, 2, 3)};
}

// A small field with every kind of dependence on x, t and r.
Tensor small_field(const Tensor& x, const Tensor& t, const Tensor& r) {
  return sin(x * 0.7 + t) * (r + 0.5) + square(t) * x - r * 0.3;
}

}  // namespace

TEST_CASE("the average velocity of a Gaussian satisfies both identities") {
  for (const AffinePath& path : {linear_path(), trigonometric_path()}) {
    const AverageField u = exact(correlated_gaussian(path));
    const Tensor x = random_normal(2, Shape{200, 4}) * 1.5;
    const Times times = three_times(200);
    CHECK(largest(meanflow_residual(u, x, times.t, times.r)) < 1e-9);
    CHECK(largest(split_residual(u, x, times.t, times.s, times.r)) < 2e-15 * largest(x) * 10);
    // A field that is wrong has residuals that tell.
    const AverageField wrong = [&](const Tensor& at, const Tensor& t, const Tensor& r) {
      return u(at, t, r) + (r - t) * 0.1;
    };
    CHECK(largest(meanflow_residual(wrong, x, times.t, times.r)) > 0.01);
    CHECK(largest(split_residual(wrong, x, times.t, times.s, times.r)) > 0.001);
  }
}

TEST_CASE("where both times agree the residual is zero and the loss is that of flow matching") {
  const Tensor x0 = random_normal(3, Shape{6, 4}), x1 = random_normal(4, Shape{6, 4});
  const Tensor t = three_times(6).t;
  CHECK(largest(meanflow_residual(small_field, x0, t, t)) == 0);
  const MeanFlowLoss loss = meanflow_loss(small_field, linear_path(), {x0, x1}, {t, t, 0}, {.power = 0});
  const Tensor expected = cfm_loss(instantaneous(small_field), linear_path(), {x0, x1}, t);
  CHECK(loss.weighted.item() == doctest::Approx(expected.item()).epsilon(1e-14));
  CHECK(loss.raw.item() == doctest::Approx(expected.item()).epsilon(1e-14));
  CHECK(loss.instantaneous.item() == doctest::Approx(expected.item()).epsilon(1e-14));
  CHECK(loss.averaged.item() == 0);
}

TEST_CASE("the loss is the formula, with the total derivative by differences") {
  const std::int64_t rows = 7, averaged = 4;
  const Tensor x0 = random_normal(3, Shape{rows, 4}), x1 = random_normal(4, Shape{rows, 4});
  const Times three = three_times(rows);
  const TimePairs times{
      three.t, concatenate({slice(three.r, 0, 0, averaged), slice(three.t, 0, averaged, rows)}, 0), averaged};
  const PathPoint point = interpolate(linear_path(), x0, x1, times.t);
  for (const MeanFlowTangent tangent : {MeanFlowTangent::conditional, MeanFlowTangent::predicted}) {
    const Tensor w =
        tangent == MeanFlowTangent::predicted ? small_field(point.x, times.t, times.t) : point.velocity;
    const double h = 1e-5;
    const Tensor rate = (small_field(point.x + w * h, times.t + h, times.r) -
                         small_field(point.x - w * h, times.t - h, times.r)) /
                        (2 * h);
    const Tensor error = small_field(point.x, times.t, times.r) - point.velocity - (times.r - times.t) * rate;
    const std::vector<double> squares = sum(square(error), {1}).to_vector<double>();
    double raw = 0, weighted = 0, first = 0;
    for (std::size_t i = 0; i < squares.size(); ++i) {
      const bool is_averaged = i < static_cast<std::size_t>(averaged);
      raw += squares[i] / rows;
      weighted += squares[i] / std::pow(squares[i] + 0.25, 0.75) * (is_averaged ? 0.5 : 1) / rows;
      if (is_averaged) first += squares[i] / averaged;
    }
    const MeanFlowLoss loss =
        meanflow_loss(small_field, linear_path(), {x0, x1}, times,
                      {.tangent = tangent, .averaged_weight = 0.5, .power = 0.75, .offset = 0.25});
    CHECK(loss.raw.item() == doctest::Approx(raw).epsilon(1e-8));
    CHECK(loss.weighted.item() == doctest::Approx(weighted).epsilon(1e-8));
    CHECK(loss.averaged.item() == doctest::Approx(first).epsilon(1e-8));
    CHECK(loss.instantaneous.item() ==
          doctest::Approx((raw * rows - first * averaged) / (rows - averaged)).epsilon(1e-8));
  }
}

TEST_CASE("by default the loss leads to the mean velocity, a power of 1 to a mode") {
  // v = 1 with probability .7, else -1, for a field that is one number u, by gradient descent. With weights
  // the end is u = sum w v / sum w, w = ((u - v)^2 + .01)^-power: by iteration .953 and .998.
  const std::int64_t rows = 10;
  const Tensor x1 = concatenate({ones(Shape{7, 1}, DType::f64), full(Shape{3, 1}, -1, DType::f64)}, 0);
  const Tensor x0 = zeros_like(x1), t = full(Shape{rows, 1}, 0.5, DType::f64);
  const auto minimum = [&](const MeanFlowOptions& options, double rate) {
    double u = 0.1;
    for (int turn = 0; turn < 400; ++turn) {
      const auto loss = [&](const Tensor& p) {
        const AverageField field = [&](const Tensor& x, const Tensor&, const Tensor&) { return x * 0 + p; };
        return meanflow_loss(field, linear_path(), {x0, x1}, {t, t, 0}, options).weighted;
      };
      u -= rate * grad(loss, tensor<double>({u}, Shape{1, 1})).item();
    }
    return u;
  };
  CHECK(minimum({}, 0.2) == doctest::Approx(0.4).epsilon(1e-9));
  CHECK(minimum({.power = 0.5}, 0.05) == doctest::Approx(0.953).epsilon(1e-3));
  CHECK(minimum({.power = 1}, 0.01) == doctest::Approx(0.998).epsilon(1e-3));
}

TEST_CASE("weights without an offset are numbers where the field is exact") {
  const Tensor x0 = zeros(Shape{4, 2}, DType::f64), x1 = ones_like(x0),
               t = full(Shape{4, 1}, 0.5, DType::f64);
  const auto loss = [&](const Tensor& p) {
    const AverageField u = [&](const Tensor& x, const Tensor&, const Tensor&) { return x * 0 + p; };
    return meanflow_loss(u, linear_path(), {x0, x1}, {t, t, 2}, {.power = 1, .offset = 0}).weighted;
  };
  const Tensor exact = ones(Shape{1, 1}, DType::f64) * 1.0;
  CHECK(loss(exact.detach()).item() == 0);
  CHECK(grad(loss, exact.detach()).item() == 0);
}

TEST_CASE("the target is not differentiated") {
  const Tensor x0 = random_normal(3, Shape{5, 4}), x1 = random_normal(4, Shape{5, 4});
  const Times three = three_times(5);
  const Tensor scale = ones(Shape{1}, DType::f64);
  const auto loss_at = [&](const Tensor& p) {
    const AverageField u = [&](const Tensor& x, const Tensor& t, const Tensor& r) {
      return small_field(x, t, r) * p;
    };
    return meanflow_loss(u, linear_path(), {x0, x1}, {three.t, three.r, 5},
                         {.tangent = MeanFlowTangent::conditional, .averaged_weight = 1})
        .weighted;
  };
  // With the target held, the loss is |p f - target|^2 / B.
  const PathPoint point = interpolate(linear_path(), x0, x1, three.t);
  const Tensor f = small_field(point.x, three.t, three.r);
  const Tensor rate = jvp(
                          [&](const std::vector<Tensor>& at) -> std::vector<Tensor> {
                            return {small_field(at[0], at[1], three.r)};
                          },
                          {point.x, three.t}, {point.velocity, ones_like(three.t)})
                          .tangents[0];
  const Tensor target = point.velocity + (three.r - three.t) * rate;
  const double expected = (sum((f - target) * f) * (2.0 / 5)).item();
  CHECK(grad(loss_at, scale).item() == doctest::Approx(expected).epsilon(1e-12));
}

TEST_CASE("only the averaged rows pay for the tangent, and the primal is shared with it") {
  const auto network = [](std::int64_t& rows) {
    return [&rows](const Tensor& x, const Tensor& t, const Tensor& r) {
      rows += x.shape()[0];
      return small_field(x, t, r);
    };
  };
  const Tensor x0 = random_normal(3, Shape{8, 4}), x1 = random_normal(4, Shape{8, 4});
  const TimePairs times = uniform_time_pairs(random_key(1), 8, 4, DType::f64);
  std::int64_t rows = 0;
  meanflow_loss(network(rows), linear_path(), {x0, x1}, times, {.tangent = MeanFlowTangent::conditional});
  CHECK(rows == 8);
  rows = 0;
  meanflow_loss(network(rows), linear_path(), {x0, x1}, times, {.tangent = MeanFlowTangent::predicted});
  CHECK(rows == 12);
}

TEST_CASE("training by MeanFlow alone finds the average velocity of a Gaussian") {
  const Tensor mean = tensor<double>({0.5, -1}, Shape{2});
  const Tensor variance = tensor<double>({0.3, 1.5}, Shape{2});
  const GaussianField field(mean, variance);
  // A wrong prior: the network has to supply the rest.
  nn::Mlp network(random_key(1), {.inputs = 2,
                                  .outputs = 2,
                                  .width = 48,
                                  .hidden_layers = 2,
                                  .frequencies = 4,
                                  .highest_turns = 1,
                                  .second_time = true,
                                  .dtype = DType::f64});
  const PreconditionedField preconditioned(
      zeros(Shape{2}, DType::f64), ones(Shape{2}, DType::f64),
      [&](const Tensor& z, const Tensor& t, const Tensor& gap) { return network(z, t, gap); });
  const AverageField u = [&](const Tensor& x, const Tensor& t, const Tensor& r) {
    return preconditioned.average_velocity(x, t, r);
  };
  nn::Adam adam(network);
  const nn::WarmupCosine rate({.peak = 5e-3, .warmup_steps = 20, .total_steps = 600});
  const auto one_step_error = [&] {
    const Tensor x0 = random_normal(7, Shape{200, 2});
    const Tensor exact_map = field.flow_map(x0, shared_time(0, DType::f64), shared_time(1, DType::f64));
    const Tensor found = integrate_average(u, x0, std::vector<double>{0, 1});
    return std::sqrt((sum(square(found - exact_map)) / 200.0).item());
  };
  const double before = one_step_error();
  for (std::int64_t step = 0; step < 600; ++step) {
    const Tensor keys = split(fold_in(random_key(3), static_cast<std::uint32_t>(step)), 3);
    const Tensor x1 = mean + sqrt(variance) * normal(keys[0], Shape{128, 2}, DType::f64);
    const nn::LossAndGradients result = nn::value_and_grad(network, [&]() -> std::vector<Tensor> {
      return {meanflow_loss(u, linear_path(), independent_coupling(keys[1], x1),
                            uniform_time_pairs(keys[2], 128, 64, DType::f64),
                            {.tangent = MeanFlowTangent::conditional, .averaged_weight = 1})
                  .weighted};
    });
    nn::commit(adam.updates(result.gradients, rate.at(step)), {result.loss});
  }
  CHECK(before > 0.8);
  CHECK(one_step_error() < 0.12);
}

TEST_CASE("time pairs are sorted where there are two, and equal elsewhere") {
  const TimePairs times = uniform_time_pairs(random_key(4), 1000, 600, DType::f64);
  const std::vector<double> t = times.t.to_vector<double>(), r = times.r.to_vector<double>();
  double total_t = 0, total_r = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    CHECK((i < 600 ? t[i] < r[i] : t[i] == r[i]));
    if (i < 600) total_t += t[i] / 600, total_r += r[i] / 600;
  }
  // The smaller and the larger of two uniform numbers.
  CHECK(total_t == doctest::Approx(1.0 / 3).epsilon(0.1));
  CHECK(total_r == doctest::Approx(2.0 / 3).epsilon(0.1));
  CHECK(uniform_time_pairs(random_key(4), 3, 0).averaged == 0);
  // Draws of f32 that are equal by chance, of which this key has one, are moved apart.
  const std::int64_t many = 1 << 19;
  const TimePairs pairs = uniform_time_pairs(random_key(13), many, many);
  const Tensor keys = split(random_key(13), 3);
  CHECK(sum(cast(equal(uniform_times(keys[0], many), uniform_times(keys[1], many)), DType::i32)).item() > 0);
  CHECK(sum(cast(less(pairs.t, pairs.r), DType::i64)).item() == many);
  CHECK(reduce_max(pairs.r).item() < 1);
  CHECK(uniform_time_pairs(random_key(4), 3, 3).t.shape() == Shape{3, 1});
  CHECK_THROWS_WITH_AS(uniform_time_pairs(random_key(4), 3, 4), doctest::Contains("4 of 3 rows"), Error);
}

TEST_CASE("an average velocity takes noise to data in one step, or in several that agree where it is exact") {
  const GaussianField field = correlated_gaussian();
  const AverageField u = exact(field);
  const Tensor x0 = random_normal(2, Shape{5, 4});
  const Tensor expected = field.flow_map(x0, shared_time(0, DType::f64), shared_time(1, DType::f64));
  CHECK(largest(integrate_average(u, x0, std::vector<double>{0, 1}) - expected) < 1e-14);
  CHECK(largest(integrate_average(u, x0, time_grid(0, 1, 7)) - expected) < 1e-13);
  CHECK_THROWS_WITH_AS(integrate_average(u, x0, std::vector<double>{0}), doctest::Contains("at least two"),
                       Error);
}

TEST_CASE("what does not fit is refused by name") {
  const Tensor x = zeros(Shape{4, 2}, DType::f64);
  const TimePairs times = uniform_time_pairs(random_key(1), 4, 2, DType::f64);
  const AverageField narrow = [](const Tensor& at, const Tensor&, const Tensor&) {
    return slice(at, 1, 0, 1);
  };
  CHECK_THROWS_WITH_AS(meanflow_loss(narrow, linear_path(), {x, x}, times),
                       doctest::Contains("meanflow_loss: the field maps [2, 2] to [2, 1]"), Error);
  CHECK_THROWS_WITH_AS(meanflow_loss(small_field, linear_path(), {x, x}, times, {.power = -1}),
                       doctest::Contains("must not be negative"), Error);
  CHECK_THROWS_WITH_AS(
      meanflow_loss(small_field, linear_path(), {x, x}, {times.t, slice(times.r, 0, 0, 1), 2}),
      doctest::Contains("do not fit samples [4, 2]"), Error);
  CHECK_THROWS_WITH_AS(meanflow_residual(narrow, x, times.t, times.r), doctest::Contains("meanflow_residual"),
                       Error);
  CHECK_THROWS_WITH_AS(split_residual(narrow, x, times.t, times.t, times.r),
                       doctest::Contains("split_residual"), Error);
}

}  // namespace nabla::flow
