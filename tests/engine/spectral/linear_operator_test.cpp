#include "engine/spectral/linear_operator.h"

#include "tests/engine/operators.h"

namespace nabla::test {
namespace {

struct Problem {
  Tensor w = normal(random_key(1), {6, 4}, DType::f64).detach();
  Tensor x = normal(random_key(2), {3, 2, 3}, DType::f64).detach();
  // [3, 2, 3] -> [3, 4]
  Tensor operator()(const Tensor& at) const {
    const Tensor flat = reshape(at, {at.shape()[0], 6});
    return nabla::tanh(matmul(flat, w)) * sum(square(flat), {-1}, true);
  }
};

}  // namespace

TEST_CASE("a Jacobian is applied as the matrix that it is") {
  const Problem f;
  const LinearOperator j = jacobian_operator(f, f.x);
  CHECK(j.domain == Shape{3, 2, 3});
  CHECK(j.range == Shape{3, 4});
  const Tensor matrix = reshape(sample_jacobian(f, f.x), {3, 4, 6});
  const Tensor u = normal(random_key(3), {5, 7, 3, 2, 3}, DType::f64);
  CHECK(distance(j.apply(u), einsum("brd,klbd->klbr", matrix, reshape(u, {5, 7, 3, 6}))) < 1e-13);
  const Tensor c = normal(random_key(4), {5, 3, 4}, DType::f64);
  CHECK(distance(reshape(j.apply_transpose(c), {5, 3, 6}), einsum("brd,kbr->kbd", matrix, c)) < 1e-13);
  // No leading axes, and vectors that all samples share.
  const Tensor one = drop_axes(slice(slice(u, 0, 0, 1), 1, 0, 1), {0, 1});
  CHECK(distance(j.apply(one), einsum("brd,bd->br", matrix, reshape(one, {3, 6}))) < 1e-13);
  const Tensor shared = reshape(identity(6, DType::f64), {6, 1, 2, 3});
  CHECK(distance(permute(j.apply(shared), {1, 2, 0}), matrix) < 1e-13);
}

TEST_CASE("what is built of an operator: symmetric part, normal operator, derivatives, compile") {
  const Tensor w = normal(random_key(1), {4, 4}, DType::f64).detach();
  const Tensor x = normal(random_key(2), {3, 4}, DType::f64).detach();
  const auto field = [&](const Tensor& at) { return nabla::tanh(matmul(at, w)); };
  const LinearOperator j = jacobian_operator(field, x);
  const Tensor matrix = sample_jacobian(field, x);
  const Tensor u = normal(random_key(3), {5, 3, 4}, DType::f64);
  CHECK(distance(symmetric_part(j).apply(u), einsum("brd,kbd->kbr", (matrix + transpose(matrix)) * 0.5, u)) <
        1e-13);
  CHECK(distance(normal_operator(j).apply(u), einsum("brd,kbd->kbr", matmul(transpose(matrix), matrix), u)) <
        1e-13);
  // d/dx of a product with J.
  const auto squared_product = [&](const Tensor& at) {
    return sum(square(jacobian_operator(field, at).apply(u)));
  };
  const Tensor direction = normal(random_key(4), {3, 4}, DType::f64);
  const double h = 1e-5;
  const double slope =
      (squared_product(x + direction * h) - squared_product(x - direction * h)).item() / (2 * h);
  CHECK(sum(grad(squared_product)(x) * direction).item() == doctest::Approx(slope).epsilon(1e-8));
  const auto compiled =
      compile([&](const Tensor& at, const Tensor& v) { return jacobian_operator(field, at).apply(v); });
  CHECK(distance(compiled(x, u), j.apply(u)) < 1e-13);
  CHECK(distance(jacobian_operator([](const Tensor& at) { return ones_like(at); }, x).apply(u),
                 zeros(u.shape(), DType::f64)) == 0);
}

TEST_CASE("operators refuse what does not fit") {
  const Problem f;
  const LinearOperator j = jacobian_operator(f, f.x);
  CHECK_THROWS_WITH_AS(j.apply(ones({3, 6}, DType::f64)), doctest::Contains("[3, 6]"), Error);
  CHECK_THROWS_WITH_AS(j.apply(ones({2, 2, 3}, DType::f64)), doctest::Contains("[3, 2, 3] f64"), Error);
  CHECK_THROWS_WITH_AS(j.apply(ones({3, 2, 3})), doctest::Contains("f32"), Error);
  CHECK_THROWS_WITH_AS(j.apply_transpose(ones({3, 2, 3}, DType::f64)), doctest::Contains("[3, 4]"), Error);
  CHECK_THROWS_WITH_AS(symmetric_part(j), doctest::Contains("is not square"), Error);
  LinearOperator one_way = matrix_operator(symmetric_with({{1, 2}}));
  one_way.apply_transpose = nullptr;
  CHECK_THROWS_WITH_AS(symmetric_part(one_way), doctest::Contains("unknown"), Error);
  CHECK_THROWS_WITH_AS(normal_operator(one_way), doctest::Contains("unknown"), Error);
  CHECK_THROWS_WITH_AS(jacobian_operator([](const Tensor& at) { return at - mean(at, {0}, true); }, f.x),
                       doctest::Contains("mixes samples"), Error);
  CHECK_THROWS_WITH_AS(jacobian_operator([](const Tensor& at) { return cast(at, DType::f32); }, f.x),
                       doctest::Contains("one floating type"), Error);
  CHECK_THROWS_WITH_AS(jacobian_operator([](const Tensor& at) { return at; }, ones({2, 2}, DType::i32)),
                       doctest::Contains("must be floating"), Error);
}

}  // namespace nabla::test
