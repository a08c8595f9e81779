#include "engine/autodiff/jacobian/jacobian.h"

#include "tests/engine/numbers.h"

// Estimates against exact traces and diagonals.

namespace nabla::test {
namespace {

Tensor random_matrix(std::int64_t m, std::int64_t n, std::uint64_t key) {
  return cast(normal(random_key(key), {m, n}), DType::f64).detach();
}

}  // namespace

TEST_CASE("estimates of a divergence lie within four standard errors, and these say how they spread") {
  const Tensor w = random_matrix(12, 12, 1), x = random_matrix(50, 12, 2);
  const Field v = [&](const Tensor& at) { return nabla::tanh(matmul(at, w) * 0.3) * at; };
  const std::vector<double> exact = values(divergence(v, x));
  for (const JacobianMethod method : {JacobianMethod::hutchinson, JacobianMethod::hutch_plus_plus}) {
    double squares = 0;
    int count = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Estimate found =
          estimate_divergence(v, x, {.method = method, .key = random_key(seed), .products = 60});
      const std::vector<double> value = values(found.value), error = values(found.standard_error);
      for (std::size_t b = 0; b < exact.size(); ++b) {
        CHECK(std::abs(value[b] - exact[b]) <= 4.5 * error[b] + 1e-10);
        // A sketch of 20 directions holds all of 12 dimensions: nothing is left to guess.
        if (method == JacobianMethod::hutch_plus_plus) CHECK(error[b] < 1e-10);
        squares += std::pow((value[b] - exact[b]) / error[b], 2);
        ++count;
      }
    }
    if (method == JacobianMethod::hutchinson) {
      CHECK(squares / count > 0.85);
      CHECK(squares / count < 1.2);
    }
  }
}

TEST_CASE("Hutch++ is unbiased, and closer where few directions hold the trace") {
  const Tensor narrow = random_matrix(40, 2, 1), diagonal = random_matrix(1, 40, 3),
               x = random_matrix(30, 40, 2);
  const Field v = [&](const Tensor& at) {
    return matmul(matmul(at, narrow), transpose(narrow)) + at * diagonal * 0.2;
  };
  const std::vector<double> exact = values(divergence(v, x));
  double errors[2] = {}, mean_error = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed)
    for (const JacobianMethod method : {JacobianMethod::hutchinson, JacobianMethod::hutch_plus_plus}) {
      const std::vector<double> value =
          values(divergence(v, x, {.method = method, .key = random_key(seed), .products = 12}));
      for (std::size_t b = 0; b < exact.size(); ++b) {
        const double difference = value[b] - exact[b];
        errors[method == JacobianMethod::hutch_plus_plus] += difference * difference / 900;
        if (method == JacobianMethod::hutch_plus_plus) mean_error += difference / 900;
      }
    }
  CHECK(std::sqrt(errors[1]) < 0.3 * std::sqrt(errors[0]));
  CHECK(std::abs(mean_error) < 4 * std::sqrt(errors[1] / 900));
}

TEST_CASE("estimates of a diagonal, differentiable and compiled") {
  const Tensor w = random_matrix(6, 6, 1), x = random_matrix(4, 6, 2);
  const auto field = [](const Tensor& by) {
    return [=](const Tensor& at) { return nabla::tanh(matmul(at, by) * 0.3); };
  };
  const std::vector<double> exact = values(jacobian_diagonal(field(w), x));
  const Estimate found = estimate_jacobian_diagonal(
      field(w), x, {.method = JacobianMethod::hutchinson, .key = random_key(5), .products = 400});
  CHECK(found.value.shape() == x.shape());
  const std::vector<double> value = values(found.value), error = values(found.standard_error);
  for (std::size_t i = 0; i < exact.size(); ++i) CHECK(std::abs(value[i] - exact[i]) < 4.5 * error[i]);
  // With the same probes the gradient is that of the estimate: against differences.
  const auto loss = [&](const Tensor& by) {
    return sum(
        square(divergence(field(by), x, {.method = JacobianMethod::hutchinson, .key = random_key(7)})));
  };
  const Tensor direction = random_matrix(6, 6, 9);
  const double slope = sum(grad(loss, w) * direction).item();
  const double difference = (loss(w + direction * 1e-5).item() - loss(w - direction * 1e-5).item()) / 2e-5;
  CHECK(slope == doctest::Approx(difference).epsilon(1e-6));
  const auto compiled = compile(std::function<Tensor(const Tensor&)>(loss));
  CHECK(compiled(w).item() == doctest::Approx(loss(w).item()).epsilon(1e-12));
}

TEST_CASE("colouring is exact for local fields, signs keep it unbiased for others") {
  const Tensor x = random_matrix(3, 4 * 9, 1).detach();
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
  const auto coloured = [&](const Field& v, std::int64_t radius) {
    return jacobian_diagonal(v, picture, {.method = JacobianMethod::coloured, .radius = radius});
  };
  const auto with_signs = [&](const Field& v, std::uint64_t seed, std::int64_t products) {
    return estimate_jacobian_diagonal(v, picture,
                                      {.method = JacobianMethod::signed_colouring,
                                       .radius = 2,
                                       .key = random_key(seed),
                                       .products = products});
  };
  CHECK(distance(coloured(local, 2), exact) < 1e-13);
  CHECK(distance(coloured(local, 100), exact) < 1e-13);
  CHECK(contains(error_of([&] { coloured(local, 1); }), "reaches farther than the radius 1"));
  // On one side alone, and from row to row.
  const Field behind = [](const Tensor& at) { return cumsum(at, -1); };
  const Field before = [](const Tensor& at) { return flip(cumsum(flip(at, -1), -1), -1); };
  const Field across = [](const Tensor& at) { return at * sum(at, {-2}, true); };
  for (const Field& field : {behind, before, across})
    CHECK(contains(error_of([&] { coloured(field, 3); }), "reaches farther"));
  CHECK(distance(coloured(behind, 8), jacobian_diagonal(behind, picture)) < 1e-13);
  const Estimate local_signs = with_signs(local, 1, 2);
  CHECK(distance(local_signs.value, exact) < 1e-13);
  CHECK(distance(local_signs.standard_error, zeros(picture.shape(), DType::f64)) < 1e-13);
  CHECK(distance(divergence(local, picture, {.method = JacobianMethod::coloured, .radius = 2}),
                 divergence(local, picture)) < 1e-12);
  // Not local: the mean over signs, within its standard error.
  const Tensor w = random_matrix(9, 9, 3);
  const Field far = [&](const Tensor& at) { return matmul(at, w); };
  const Tensor truth = jacobian_diagonal(far, picture);
  CHECK(contains(error_of([&] { coloured(far, 2); }), "reaches farther"));
  // 4 rows of 3 colours: 12 directions a repeat.
  const Estimate many = with_signs(far, 1, 12 * 400);
  const std::vector<double> off = values(many.value - truth), error = values(many.standard_error);
  double squares = 0;
  for (std::size_t i = 0; i < off.size(); ++i) {
    CHECK(std::abs(off[i]) < 4.5 * error[i]);
    squares += std::pow(off[i] / error[i], 2) / static_cast<double>(off.size());
  }
  CHECK(squares > 0.6);
  CHECK(squares < 1.5);
}

TEST_CASE("a diagonal by Hutch++ is unbiased, and exact on the sketched range") {
  const Tensor w = random_matrix(12, 12, 1), x = random_matrix(10, 12, 2);
  const Field v = [&](const Tensor& at) { return nabla::tanh(matmul(at, w) * 0.3) * at; };
  const Tensor exact = jacobian_diagonal(v, x);
  const auto estimate = [&](std::int64_t products, std::uint64_t seed) {
    return estimate_jacobian_diagonal(
        v, x, {.method = JacobianMethod::hutch_plus_plus, .key = random_key(seed), .products = products});
  };
  // A sketch of 20 directions holds all of 12 dimensions.
  CHECK(distance(estimate(60, 3).value, exact) < 1e-10);
  const Estimate few = estimate(15, 1);
  CHECK(distance(few.value, exact) > 1e-3);
  Tensor total = zeros(x.shape(), DType::f64), variance = zeros(x.shape(), DType::f64);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Estimate found = estimate(15, seed);
    total = (total + found.value).detach();
    variance = (variance + square(found.standard_error)).detach();
  }
  const std::vector<double> off = values(total / 200.0 - exact), error = values(sqrt(variance) / 200.0);
  for (std::size_t i = 0; i < off.size(); ++i) CHECK(std::abs(off[i]) < 4.5 * error[i]);
}

TEST_CASE("what methods refuse") {
  const Tensor x = random_matrix(2, 3, 1);
  const Field v = [](const Tensor& at) { return at * 2.0; };
  const auto refusal = [&](const JacobianOptions& options, const Field& field) {
    return error_of([&] { divergence(field, x, options); });
  };
  const Tensor key = random_key(1);
  CHECK(contains(refusal({.method = JacobianMethod::hutchinson, .key = key, .products = 1}, v), "too few"));
  CHECK(contains(refusal({.method = JacobianMethod::hutch_plus_plus, .key = key, .products = 5}, v),
                 "divergence: 5 products are too few; at least 6"));
  CHECK(contains(refusal({.method = JacobianMethod::hutchinson}, v), "needs options.key"));
  CHECK(contains(refusal({.method = JacobianMethod::signed_colouring}, v), "needs options.key"));
  CHECK(contains(refusal({.method = JacobianMethod::coloured, .radius = -1}, v), "radius -1"));
  CHECK(contains(refusal({.method = JacobianMethod::hutchinson, .key = key},
                         [](const Tensor& at) { return at - mean(at, {0}, true); }),
                 "mixes samples"));
  CHECK(contains(refusal({.method = JacobianMethod::hutchinson, .key = key},
                         [](const Tensor& at) { return sum(at, {-1}, true); }),
                 "needs equal shapes"));
  CHECK(contains(error_of([&] { sample_jacobian(v, x, {.method = JacobianMethod::hutchinson, .key = key}); }),
                 "sample_jacobian: method hutchinson finds a diagonal or trace"));
  CHECK(contains(error_of([&] { jacobian(v, x, {.method = JacobianMethod::contraction}); }),
                 "jacobian: method contraction needs samples that do not mix"));
}

TEST_CASE("options that a method does not use are refused by name") {
  const Tensor x = random_matrix(2, 3, 1);
  const Field v = [](const Tensor& at) { return at * 2.0; };
  const Tensor key = random_key(1);
  const auto refused = [&](const JacobianOptions& options, const std::string& what) {
    const std::string text = "method " + what + "; leave it out";
    return contains(error_of([&] { divergence(v, x, options); }), "divergence: " + text) &&
           contains(error_of([&] { estimate_jacobian_diagonal(v, x, options); }), text);
  };
  using enum JacobianMethod;
  CHECK(refused({.key = key}, "automatic does not use options.key"));
  CHECK(refused({.method = forward, .products = 8}, "forward does not use options.products"));
  CHECK(refused({.method = loop_cut, .radius = 2}, "loop_cut does not use options.radius"));
  CHECK(refused({.method = hutchinson, .radius = 2, .key = key}, "hutchinson does not use options.radius"));
  CHECK(refused({.method = hutch_plus_plus, .tangent_bytes = 8, .key = key},
                "hutch_plus_plus does not use options.tangent_bytes"));
  CHECK(refused({.method = coloured, .key = key}, "coloured does not use options.key"));
  CHECK(contains(error_of([&] { jacobian(v, x, {.key = key}); }),
                 "jacobian: method automatic does not use options.key"));
  CHECK(contains(error_of([&] { explain_divergence(v, x, {.products = 8}); }),
                 "explain_divergence: method automatic does not use options.products"));
  CHECK(contains(error_of([&] { sample_jacobian(v, x, {.method = contraction, .radius = 1}); }),
                 "sample_jacobian: method contraction does not use options.radius"));
}

}  // namespace nabla::test
