#include "engine/autodiff/trace_estimate.h"

#include "tests/engine/numbers.h"

// Estimates against exact traces and diagonals.

namespace nabla::test {
namespace {

Tensor weight(std::int64_t m, std::int64_t n, std::uint64_t key) {
  return cast(normal(random_key(key), {m, n}), DType::f64).detach();
}

}  // namespace

TEST_CASE("estimates of a divergence lie within four standard errors, and these say how they spread") {
  const Tensor w = weight(12, 12, 1), x = weight(50, 12, 2);
  const Field v = [&](const Tensor& at) { return nabla::tanh(matmul(at, w) * 0.3) * at; };
  const std::vector<double> exact = values(divergence(v, x));
  for (const EstimateMethod method : {EstimateMethod::hutchinson, EstimateMethod::hutch_plus_plus}) {
    double squares = 0;
    int count = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Estimate found = estimate_divergence(v, x, random_key(seed), {method, 60});
      const std::vector<double> value = values(found.value), error = values(found.standard_error);
      for (std::size_t b = 0; b < exact.size(); ++b) {
        CHECK(std::abs(value[b] - exact[b]) <= 4.5 * error[b] + 1e-10);
        // A sketch of 20 directions holds all of 12 dimensions: nothing is left to guess.
        if (method == EstimateMethod::hutch_plus_plus) CHECK(error[b] < 1e-10);
        squares += std::pow((value[b] - exact[b]) / error[b], 2);
        ++count;
      }
    }
    if (method == EstimateMethod::hutchinson) {
      CHECK(squares / count > 0.85);
      CHECK(squares / count < 1.2);
    }
  }
}

TEST_CASE("Hutch++ is unbiased, and closer where few directions hold the trace") {
  const Tensor narrow = weight(40, 2, 1), diagonal = weight(1, 40, 3), x = weight(30, 40, 2);
  const Field v = [&](const Tensor& at) {
    return matmul(matmul(at, narrow), transpose(narrow)) + at * diagonal * 0.2;
  };
  const std::vector<double> exact = values(divergence(v, x));
  double errors[2] = {}, mean_error = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed)
    for (const EstimateMethod method : {EstimateMethod::hutchinson, EstimateMethod::hutch_plus_plus}) {
      const std::vector<double> value =
          values(estimate_divergence(v, x, random_key(seed), {method, 12}).value);
      for (std::size_t b = 0; b < exact.size(); ++b) {
        const double difference = value[b] - exact[b];
        errors[static_cast<int>(method)] += difference * difference / 900;
        if (method == EstimateMethod::hutch_plus_plus) mean_error += difference / 900;
      }
    }
  CHECK(std::sqrt(errors[1]) < 0.3 * std::sqrt(errors[0]));
  CHECK(std::abs(mean_error) < 4 * std::sqrt(errors[1] / 900));
}

TEST_CASE("estimates of a diagonal, differentiable and compiled") {
  const Tensor w = weight(6, 6, 1), x = weight(4, 6, 2);
  const auto field = [](const Tensor& by) {
    return [=](const Tensor& at) { return nabla::tanh(matmul(at, by) * 0.3); };
  };
  const std::vector<double> exact = values(jacobian_diagonal(field(w), x));
  const Estimate found = estimate_jacobian_diagonal(field(w), x, random_key(5), 400);
  CHECK(found.value.shape() == x.shape());
  const std::vector<double> value = values(found.value), error = values(found.standard_error);
  for (std::size_t i = 0; i < exact.size(); ++i) CHECK(std::abs(value[i] - exact[i]) < 4.5 * error[i]);
  // With the same probes the gradient is that of the estimate: against differences.
  const auto loss = [&](const Tensor& by) {
    return sum(square(estimate_divergence(field(by), x, random_key(7)).value));
  };
  const Tensor direction = weight(6, 6, 9);
  const double slope = sum(grad(loss, w) * direction).item();
  const double difference = (loss(w + direction * 1e-5).item() - loss(w - direction * 1e-5).item()) / 2e-5;
  CHECK(slope == doctest::Approx(difference).epsilon(1e-6));
  const auto compiled = compile(std::function<Tensor(const Tensor&)>(loss));
  CHECK(compiled(w).item() == doctest::Approx(loss(w).item()).epsilon(1e-12));
}

TEST_CASE("colouring is exact for local fields, signs keep it unbiased for others") {
  const Tensor x = weight(3, 4 * 9, 1).detach();
  const Tensor picture = reshape(x, {3, 4, 9}).detach();
  // Each element sees two neighbours on either side.
  const Field local = [](const Tensor& at) {
    Tensor total = square(at);
    for (int shift = 1; shift <= 2; ++shift) {
      const Tensor left = slice(at, -1, shift, at.shape()[-1]);
      total = total + concatenate({left, zeros({3, 4, shift}, DType::f64)}, -1) * at * 0.5;
      const Tensor right = slice(at, -1, 0, at.shape()[-1] - shift);
      total = total - nabla::sin(concatenate({zeros({3, 4, shift}, DType::f64), right}, -1)) * at;
    }
    return total;
  };
  const Tensor exact = jacobian_diagonal(local, picture);
  CHECK(distance(coloured_jacobian_diagonal(local, picture, 2), exact) < 1e-13);
  CHECK(distance(coloured_jacobian_diagonal(local, picture, 2, random_key(1)), exact) < 1e-13);
  CHECK(distance(coloured_jacobian_diagonal(local, picture, 100), exact) < 1e-13);
  CHECK(distance(coloured_jacobian_diagonal(local, picture, 1), exact) > 1e-3);
  // Not local: the mean over signs.
  const Tensor w = weight(9, 9, 3);
  const Field far = [&](const Tensor& at) { return matmul(at, w); };
  const Tensor truth = jacobian_diagonal(far, picture);
  Tensor total = zeros(picture.shape(), DType::f64);
  for (std::uint64_t seed = 0; seed < 4000; ++seed)
    total = (total + coloured_jacobian_diagonal(far, picture, 2, random_key(seed))).detach();
  CHECK(distance(total / 4000.0, truth) < 0.2);
  CHECK(distance(coloured_jacobian_diagonal(far, picture, 2), truth) > 0.5);
}

TEST_CASE("what estimates refuse") {
  const Tensor x = weight(2, 3, 1);
  const Field v = [](const Tensor& at) { return at * 2.0; };
  CHECK(contains(error_of([&] {
                   estimate_divergence(v, x, random_key(1), {EstimateMethod::hutchinson, 1});
                 }),
                 "too few"));
  CHECK(contains(error_of([&] {
                   estimate_divergence(v, x, random_key(1), {EstimateMethod::hutch_plus_plus, 5});
                 }),
                 "at least 6"));
  CHECK(contains(error_of([&] { estimate_jacobian_diagonal(v, x, random_key(1), 0); }), "too few"));
  CHECK(contains(error_of([&] { coloured_jacobian_diagonal(v, x, -1); }), "radius -1"));
  CHECK(contains(error_of([&] {
                   estimate_divergence([](const Tensor& at) { return at - mean(at, {0}, true); }, x,
                                       random_key(1));
                 }),
                 "mixes samples"));
  CHECK(contains(error_of([&] {
                   estimate_divergence([](const Tensor& at) { return sum(at, {-1}); }, x, random_key(1));
                 }),
                 "must keep shape"));
}

}  // namespace nabla::test
