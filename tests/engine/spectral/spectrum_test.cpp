#include "engine/spectral/spectrum.h"

#include "tests/engine/operators.h"

namespace nabla::test {
namespace {

std::vector<double> decaying(std::int64_t n, double rate) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(std::exp(-rate * static_cast<double>(i)));
  return values;
}

// Values against those given (descending), vectors against the operator.
void check_pairs(const LinearOperator& a, const EigenPairs& found,
                 const std::vector<std::vector<double>>& expected, double tolerance) {
  REQUIRE(found.converged);
  const std::vector<double> value = values(found.values);
  const std::size_t count = found.values.shape()[1];
  for (std::size_t b = 0; b < expected.size(); ++b) {
    std::vector<double> sorted = expected[b];
    std::sort(sorted.rbegin(), sorted.rend());
    const double size = std::max(std::abs(sorted.front()), std::abs(sorted.back()));
    for (std::size_t i = 0; i < count; ++i)
      CHECK(std::abs(value[b * count + i] - sorted[i]) <= tolerance * size);
  }
  const Tensor wide = cast(found.vectors, DType::f64);
  const Tensor products = einsum("kbd,mbd->bkm", wide, wide);
  CHECK(distance(products, broadcast_to(identity(found.vectors.shape()[0], DType::f64), products.shape())) <
        (a.dtype == DType::f64 ? 1e-12 : 1e-5));
  const Tensor rest =
      cast(a.apply(found.vectors), DType::f64) - wide * insert_axes(transpose(found.values), {-1});
  CHECK(distance(transpose(norm(rest, {-1})), found.residuals) < (a.dtype == DType::f64 ? 1e-12 : 1e-5));
}

}  // namespace

TEST_CASE("the largest eigenvalues of matrices built from them") {
  const std::vector<std::vector<double>> spectra = {decaying(60, 0.1), decaying(60, 0.5), decaying(60, 0.02)};
  const LinearOperator a = matrix_operator(symmetric_with(spectra));
  const EigenPairs found = top_eigenpairs(a, {.count = 4, .tolerance = 1e-9, .max_iterations = 200});
  check_pairs(a, found, spectra, 1e-12);
  CHECK(found.products == found.iterations * 8);
  const LinearOperator single = matrix_operator(symmetric_with(spectra), DType::f32);
  check_pairs(single, top_eigenpairs(single, {.count = 4, .max_iterations = 200}), spectra, 1e-6);
}

TEST_CASE("by value, not by size, and with repeated values, a multiple of the identity and zero") {
  const std::vector<std::vector<double>> spectra = {{-9, -8, -7, -1, -2, -3, -4, -5},
                                                    {2, 2, 2, 2, 2, 1, 0, -1},
                                                    {3, 3, 3, 3, 3, 3, 3, 3},
                                                    {0, 0, 0, 0, 0, 0, 0, 0}};
  const LinearOperator a = matrix_operator(symmetric_with(spectra));
  for (std::int64_t count = 1; count <= 8; ++count)  // all of them at the end
    check_pairs(a, top_eigenpairs(a, {.count = count, .oversampling = 1, .tolerance = 1e-10}), spectra,
                1e-11);
}

TEST_CASE("samples that converge at different speed, a small basis, and a limit") {
  std::vector<double> close = decaying(80, 0.01);
  const std::vector<std::vector<double>> spectra = {decaying(80, 2.0), close};
  const LinearOperator a = matrix_operator(symmetric_with(spectra));
  SpectrumOptions options{
      .count = 3, .oversampling = 1, .tolerance = 1e-8, .max_iterations = 300, .basis = 16};
  const EigenPairs restarted = top_eigenpairs(a, options);
  check_pairs(a, restarted, spectra, 1e-11);
  options.basis = 0;
  const EigenPairs kept = top_eigenpairs(a, options);
  check_pairs(a, kept, spectra, 1e-11);
  CHECK(kept.iterations < restarted.iterations);
  options.max_iterations = 3;
  const EigenPairs stopped = top_eigenpairs(a, options);
  CHECK_FALSE(stopped.converged);
  CHECK(stopped.iterations == 3);
  const std::vector<double> residual = values(stopped.residuals);
  CHECK(residual[0] < 1e-8);  // the fast sample is done
  CHECK(residual[5] > 1e-3);
  // A Ritz value is never above the eigenvalue.
  CHECK(values(stopped.values)[3] < 1);
}

TEST_CASE("a start from the vectors of a nearby operator saves applications") {
  const std::vector<std::vector<double>> spectra = {decaying(50, 0.15), decaying(50, 0.2)};
  const Tensor matrices = symmetric_with(spectra);
  const Tensor change = normal(random_key(8), {2, 50, 50}, DType::f64) * 1e-4;
  const LinearOperator before = matrix_operator(matrices);
  const LinearOperator after = matrix_operator(matrices + (change + transpose(change)) * 0.5);
  SpectrumOptions options{.count = 3, .tolerance = 1e-6};
  const EigenPairs cold = top_eigenpairs(after, options);
  options.start = top_eigenpairs(before, options).vectors;
  const EigenPairs warm = top_eigenpairs(after, options);
  CHECK(warm.converged);
  CHECK(warm.iterations < cold.iterations);
  CHECK(distance(warm.values, cold.values) < 1e-10);
  // A start that says nothing, or the same thing twice, is filled up.
  options.start = zeros({3, 2, 50}, DType::f64);
  CHECK(distance(top_eigenpairs(after, options).values, cold.values) < 1e-10);
  options.start = broadcast_to(slice(cold.vectors, 0, 2, 3), {5, 2, 50});
  CHECK(distance(top_eigenpairs(after, options).values, cold.values) < 1e-10);
}

TEST_CASE("the spectrum of a field's Jacobian, symmetrised or not") {
  const Tensor w = normal(random_key(1), {12, 12}, DType::f64).detach();
  const Tensor x = normal(random_key(2), {5, 3, 4}, DType::f64).detach();
  const Field v = [&](const Tensor& at) {
    return reshape(nabla::tanh(matmul(reshape(at, {5, 12}), w) * 0.3), {5, 3, 4});
  };
  const Tensor j = reshape(sample_jacobian(v, x), {5, 12, 12});
  const LinearOperator op = jacobian_operator(v, x);
  const EigenPairs found = top_eigenpairs(op, {.count = 3, .tolerance = 1e-9});
  CHECK(found.vectors.shape() == Shape{3, 5, 3, 4});
  const EigenPairs dense =
      top_eigenpairs(matrix_operator((j + transpose(j)) * 0.5), {.count = 3, .tolerance = 1e-9});
  CHECK(distance(found.values, dense.values) < 1e-12);
  // J itself is not symmetric: without the transpose the residual stays.
  CHECK_FALSE(top_eigenpairs(op, {.count = 3, .tolerance = 1e-9, .symmetrise = false}).converged);

  const SingularTriplets triplets = top_singular_values(op, {.count = 3, .tolerance = 1e-12});
  REQUIRE(triplets.converged);
  const EigenPairs squares =
      top_eigenpairs(matrix_operator(matmul(transpose(j), j)), {.count = 3, .tolerance = 1e-12});
  CHECK(distance(triplets.values, sqrt(squares.values)) < 1e-11);
  CHECK(
      distance(einsum("kbd,mbd->bkm", reshape(triplets.left, {3, 5, 12}), reshape(triplets.left, {3, 5, 12})),
               broadcast_to(identity(3, DType::f64), {5, 3, 3})) < 1e-9);
  CHECK(reduce_max(triplets.residuals).item() < 1e-9);
}

TEST_CASE("singular values of wide and tall operators, and of zero") {
  const Tensor tall = normal(random_key(3), {4, 9, 5}, DType::f64);
  const SingularTriplets of_tall =
      top_singular_values(matrix_operator(tall), {.count = 5, .tolerance = 1e-13});
  const SingularTriplets of_wide =
      top_singular_values(matrix_operator(transpose(tall)), {.count = 5, .tolerance = 1e-13});
  CHECK(of_tall.right.shape() == Shape{5, 4, 5});
  CHECK(of_tall.left.shape() == Shape{5, 4, 9});
  CHECK(distance(of_tall.values, of_wide.values) < 1e-11);
  // A = sum of left value right^T.
  const Tensor scaled = of_tall.left * insert_axes(transpose(of_tall.values), {-1});
  CHECK(distance(einsum("kbr,kbd->brd", scaled, of_tall.right), tall) < 1e-11);
  const SingularTriplets nothing =
      top_singular_values(matrix_operator(zeros({2, 3, 4}, DType::f64)), {.count = 2});
  CHECK(nothing.converged);
  CHECK(reduce_max(nothing.values).item() == 0);
  CHECK(reduce_max(abs(nothing.left)).item() == 0);
}

TEST_CASE("an operator whose functions read values, and one without samples") {
  const LinearOperator a = matrix_operator(symmetric_with({{1, 2, 3, 4}}));
  LinearOperator reads = a;
  reads.apply = [&](const Tensor& v) { return tensor(a.apply(v).to_vector<double>(), v.shape()); };
  reads.apply_transpose = nullptr;
  CHECK(top_eigenpairs(reads, {.compile_products = false}).values.item() == doctest::Approx(4));
  const EigenPairs none = top_eigenpairs(matrix_operator(zeros({0, 4, 4}, DType::f64)), {.count = 2});
  CHECK(none.converged);
  CHECK(none.values.shape() == Shape{0, 2});
  CHECK(none.vectors.shape() == Shape{2, 0, 4});
}

TEST_CASE("a spectrum refuses what does not fit, and an operator that gives a NaN") {
  const LinearOperator a = matrix_operator(symmetric_with({{1, 2, 3}, {1, 2, 3}}));
  CHECK_THROWS_WITH_AS(top_eigenpairs(a, {.count = 4}), doctest::Contains("4 pairs of an operator on [2, 3]"),
                       Error);
  CHECK_THROWS_WITH_AS(top_eigenpairs(a, {.count = 0}), doctest::Contains("0 pairs"), Error);
  CHECK_THROWS_WITH_AS(top_eigenpairs(a, {.tolerance = -1}), doctest::Contains("tolerance -1"), Error);
  CHECK_THROWS_WITH_AS(top_eigenpairs(a, {.tolerance = std::nan("")}), doctest::Contains("tolerance"), Error);
  CHECK_THROWS_WITH_AS(top_eigenpairs(a, {.oversampling = -1}), doctest::Contains("oversampling -1"), Error);
  CHECK_THROWS_WITH_AS(top_eigenpairs(a, {.max_iterations = 0}), doctest::Contains("max_iterations 0"),
                       Error);
  CHECK_THROWS_WITH_AS(top_eigenpairs(a, {.basis = 5}), doctest::Contains("basis of 5"), Error);
  CHECK_THROWS_WITH_AS(top_eigenpairs(a, {.start = ones({2, 3}, DType::f64)}),
                       doctest::Contains("start [2, 3]"), Error);
  CHECK_THROWS_WITH_AS(top_eigenpairs(a, {.start = ones({6, 2, 3}, DType::f64)}),
                       doctest::Contains("at most 5 directions"), Error);
  CHECK_THROWS_WITH_AS(top_eigenpairs(a, {.start = ones({1, 2, 3})}), doctest::Contains("f32"), Error);
  CHECK_THROWS_WITH_AS(top_eigenpairs(matrix_operator(ones({2, 3, 4}, DType::f64))),
                       doctest::Contains("[2, 4] to [2, 3]"), Error);
  LinearOperator one_way = a;
  one_way.apply_transpose = nullptr;
  CHECK_THROWS_WITH_AS(top_singular_values(one_way), doctest::Contains("transpose"), Error);
  Tensor broken = symmetric_with({{1, 2, 3}, {1, 2, 3}}) * f64({1, std::nan("")}, {2, 1, 1});
  CHECK_THROWS_WITH_AS(top_eigenpairs(matrix_operator(broken)),
                       doctest::Contains("NaN or an infinity for sample 1"), Error);
  CHECK_THROWS_WITH_AS(top_singular_values(matrix_operator(broken)), doctest::Contains("top_singular_values"),
                       Error);
}

TEST_CASE("operators of any size have the spectra of their multiples") {
  const std::vector<std::vector<double>> spectra = {decaying(40, 0.2), decaying(40, 0.05)};
  const Tensor matrices = symmetric_with(spectra);
  const auto check = [&](double size, DType dtype, double tolerance) {
    CAPTURE(size);
    const LinearOperator a = matrix_operator(matrices * size, dtype);
    const EigenPairs pairs = top_eigenpairs(a, {.count = 3, .max_iterations = 200});
    const SingularTriplets triplets = top_singular_values(a, {.count = 3, .max_iterations = 200});
    CHECK(pairs.converged);
    CHECK(triplets.converged);
    for (const Tensor& found : {pairs.values, triplets.values})
      for (std::int64_t b = 0; b < 2; ++b)
        for (std::int64_t i = 0; i < 3; ++i)
          CHECK(std::abs(values(found)[3 * b + i] / size - spectra[b][i]) < tolerance);
    CHECK(distance(triplets.left * triplets.left, triplets.right * triplets.right) < 20 * tolerance);
  };
  for (const double size : {1e-300, 1e-170, 1.0, 1e170, 1e300}) check(size, DType::f64, 1e-5);
  for (const double size : {1e-30, 1e-22, 1e22, 1e30}) check(size, DType::f32, 1e-4);
  // Each sample of its own size.
  const LinearOperator mixed = matrix_operator(matrices * f64({1e-200, 1e200}, {2, 1, 1}));
  const std::vector<double> found =
      values(top_singular_values(mixed, {.count = 1, .max_iterations = 200}).values);
  CHECK(found[0] == doctest::Approx(1e-200).epsilon(1e-5));
  CHECK(found[1] == doctest::Approx(1e200).epsilon(1e-5));
}

}  // namespace nabla::test
