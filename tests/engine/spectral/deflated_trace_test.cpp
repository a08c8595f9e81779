#include "engine/spectral/deflated_trace.h"

#include <limits>

#include "tests/engine/operators.h"

namespace nabla::test {
namespace {

// Jacobians along a path: a multiple of the identity, a few large directions that turn slowly, a rest.
Tensor matrices_at(double t, std::int64_t samples = 6, std::int64_t n = 40) {
  std::vector<Tensor> matrices;
  for (std::int64_t b = 0; b < samples; ++b) {
    const Tensor q = orthogonal(n, static_cast<std::uint64_t>(b) + 1);
    const Tensor p = orthogonal(n, static_cast<std::uint64_t>(b) + 100);
    const Tensor turned = slice(q, 0, 0, 3) * std::cos(t) + slice(p, 0, 0, 3) * std::sin(t);
    const Tensor large = matmul(transpose(turned) * f64({20, 12, -15}, {1, 3}), turned);
    const Tensor rest = normal(random_key(static_cast<std::uint64_t>(b) + 50), {n, n}, DType::f64) * 0.1;
    matrices.push_back(large + rest - identity(n, DType::f64) * (3 + t));
  }
  return stack(matrices).detach();
}

std::vector<double> traces(const Tensor& matrices) {
  return values(sum(matrices * identity(matrices.shape()[1], DType::f64), {-1, -2}));
}

}  // namespace

TEST_CASE("estimates along a path are unbiased, and closer than Hutchinson's with as many products") {
  double squares = 0, mean_error = 0, hutchinson = 0, claimed = 0;
  int count = 0, far = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    DeflatedTrace warm({.rank = 3, .probes = 4});
    for (int step = 0; step < 6; ++step) {
      const Tensor matrices = matrices_at(0.05 * step);
      const LinearOperator a = matrix_operator(matrices);
      const Tensor key = fold_in(random_key(seed), static_cast<std::uint32_t>(step));
      const Estimate found = warm.estimate(a, key);
      const std::vector<double> exact = traces(matrices), value = values(found.value),
                                error = values(found.standard_error);
      const Field v = [&](const Tensor& x) { return a.apply(x); };
      const std::vector<double> plain = values(divergence(
          v, zeros(a.domain, DType::f64), {.method = JacobianMethod::hutchinson, .key = key, .products = 7}));
      for (std::size_t b = 0; b < exact.size(); ++b) {
        squares += std::pow(value[b] - exact[b], 2);
        mean_error += value[b] - exact[b];
        claimed += error[b] * error[b];
        hutchinson += std::pow(plain[b] - exact[b], 2);
        far += std::abs(value[b] - exact[b]) > 4 * error[b];
        ++count;
      }
    }
    CHECK(warm.products() == 7 * (6 + 2));
  }
  CHECK(std::abs(mean_error / count) < 4 * std::sqrt(squares) / count);
  CHECK(claimed / squares == doctest::Approx(1).epsilon(0.25));
  CHECK(squares < 0.05 * hutchinson);
  // Of four probes the spread itself is uncertain (Student's t with 3 degrees of freedom: 2.8% lie beyond).
  CHECK(far < 0.06 * count);
}

TEST_CASE("any basis leaves the estimate unbiased") {
  // One turn from a random basis, many times over, without a warm-up.
  const Tensor matrices = matrices_at(0.3, 2, 10);
  const LinearOperator a = matrix_operator(matrices);
  const std::vector<double> exact = traces(matrices);
  double sums[2] = {}, squares[2] = {};
  constexpr int kTurns = 400;
  for (std::uint64_t seed = 0; seed < kTurns; ++seed) {
    DeflatedTrace cold({.rank = 2, .probes = 2, .warm_up = 0});
    const std::vector<double> value = values(cold.estimate(a, random_key(seed)).value);
    for (std::size_t b = 0; b < 2; ++b) {
      sums[b] += value[b] - exact[b];
      squares[b] += std::pow(value[b] - exact[b], 2);
    }
  }
  for (std::size_t b = 0; b < 2; ++b) {
    CHECK(squares[b] / kTurns > 1);
    CHECK(std::abs(sums[b]) < 4 * std::sqrt(squares[b]));
  }
}

TEST_CASE("what needs no luck: the identity, zero, all directions, low rank after some turns") {
  const Tensor eye = broadcast_to(identity(6, DType::f64), {2, 6, 6});
  const Estimate of_identity = DeflatedTrace().estimate(matrix_operator(eye * -7), random_key(1));
  CHECK(distance(of_identity.value, full({2}, -42, DType::f64)) < 1e-12);
  CHECK(reduce_max(of_identity.standard_error).item() < 1e-12);
  DeflatedTrace of_zero;
  CHECK(reduce_max(abs(of_zero.estimate(matrix_operator(eye * 0), random_key(1)).value)).item() == 0);
  CHECK(reduce_max(abs(of_zero.basis())).item() == 0);
  const Tensor small = matrices_at(0, 2, 5);
  of_zero = DeflatedTrace({.rank = 9, .probes = 2});
  for (int step = 0; step < 2; ++step)
    CHECK(distance(of_zero.estimate(matrix_operator(small), random_key(2)).value, f64(traces(small), {2})) <
          1e-11);
  const Tensor u = normal(random_key(3), {2, 30, 2}, DType::f64),
               v = normal(random_key(4), {2, 2, 30}, DType::f64);
  const Tensor low = matmul(u, v);
  // The rest vanishes with every turn, and the shift by its mean with it; from a basis of zeros too.
  DeflatedTrace of_low({.rank = 2, .probes = 3, .warm_up = 0});
  of_low.estimate(matrix_operator(low * 0), random_key(5));
  for (std::uint64_t turn = 0; turn < 12; ++turn) of_low.estimate(matrix_operator(low), random_key(6 + turn));
  const Estimate found = of_low.estimate(matrix_operator(low), random_key(30));
  CHECK(distance(found.value, f64(traces(low), {2})) < 1e-10);
  CHECK(reduce_max(found.standard_error).item() < 1e-10);
  CHECK(
      DeflatedTrace().estimate(matrix_operator(zeros({0, 3, 3}, DType::f64)), random_key(1)).value.shape() ==
      Shape{0});
}

TEST_CASE("a multiple of the identity does not hide the directions beside it") {
  std::vector<double> spectrum(40, -50);
  spectrum[0] += 8;
  spectrum[1] += 6;
  const LinearOperator a = matrix_operator(symmetric_with({spectrum}));
  DeflatedTrace warm({.rank = 2, .probes = 2, .warm_up = 6});
  const Estimate found = warm.estimate(a, random_key(1));
  CHECK(found.value.item() == doctest::Approx(-1986).epsilon(1e-7));
  CHECK(found.standard_error.item() < 1e-4);
}

TEST_CASE("a field of f32, and samples of any shape") {
  const Tensor w = (normal(random_key(1), {6, 6}) * 0.5).detach(),
               x = normal(random_key(2), {5, 2, 3}).detach();
  const Field v = [&](const Tensor& at) {
    return reshape(nabla::tanh(matmul(reshape(at, {5, 6}), w)), {5, 2, 3});
  };
  DeflatedTrace warm({.rank = 5, .probes = 40});
  const Estimate found = warm.estimate(jacobian_operator(v, x), random_key(3));
  CHECK(warm.basis().shape() == Shape{5, 5, 6});
  // One dimension is left, and every probe is that direction.
  CHECK(distance(found.value, divergence(v, x)) < 1e-5);
}

TEST_CASE("a sample with a NaN, an infinity or huge values gets what they give and disturbs no other") {
  const Tensor matrices = matrices_at(0, 4, 10);
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor spoilt = matrices + f64({std::nan(""), infinity, 0, 0}, {4, 1, 1});
  const Tensor scale = f64({1, 1, 1e200, 1}, {4, 1, 1});
  DeflatedTrace warm, alone;
  for (std::uint64_t step = 0; step < 3; ++step) {
    const std::vector<double> found =
        values(warm.estimate(matrix_operator(spoilt * scale), random_key(step)).value);
    const std::vector<double> healthy =
        values(alone.estimate(matrix_operator(matrices), random_key(step)).value);
    CHECK(!std::isfinite(found[0]));
    CHECK(!std::isfinite(found[1]));
    CHECK(std::isfinite(found[2]));
    CHECK(found[3] == doctest::Approx(healthy[3]).epsilon(1e-12));
  }
  // It recovers, too.
  const Estimate after = warm.estimate(matrix_operator(matrices), random_key(9));
  for (const double value : values(after.value)) CHECK(std::isfinite(value));
}

TEST_CASE("a deflated trace refuses what does not fit") {
  CHECK_THROWS_WITH_AS(DeflatedTrace({.rank = 0}), doctest::Contains("rank 0"), Error);
  CHECK_THROWS_WITH_AS(DeflatedTrace({.probes = 1}), doctest::Contains("probes 1"), Error);
  CHECK_THROWS_WITH_AS(DeflatedTrace({.warm_up = -1}), doctest::Contains("warm_up -1"), Error);
  DeflatedTrace trace;
  CHECK_THROWS_WITH_AS(trace.estimate(matrix_operator(ones({2, 3, 4}, DType::f64)), random_key(1)),
                       doctest::Contains("[2, 4] to [2, 3]"), Error);
  trace.estimate(matrix_operator(ones({2, 3, 3}, DType::f64)), random_key(1));
  CHECK_THROWS_WITH_AS(trace.estimate(matrix_operator(ones({2, 4, 4}, DType::f64)), random_key(1)),
                       doctest::Contains("[2, 4] f64 after one on [2, 3] f64"), Error);
}

}  // namespace nabla::test
