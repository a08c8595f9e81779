#include "engine/ops/contraction.h"
#include "tests/engine/numbers.h"

namespace nabla::test {

TEST_CASE("einsum sums the letters that the result does not name") {
  const Tensor a = counting({2, 3}, 0.5);
  const Tensor b = counting({3, 4}, 0.25);
  CHECK(distance(einsum("bi,ij->bj", a, b), matmul(a, b)) < 1e-14);
  CHECK(distance(einsum("bi,ij->jb", a, b), transpose(matmul(a, b))) < 1e-14);
  CHECK(distance(einsum("bi, ij -> bij", a, b), insert_axes(a, {-1}) * insert_axes(b, {-3})) == 0);
  CHECK(distance(einsum("bi,ij->", a, b), sum(matmul(a, b))) < 1e-13);
  CHECK(distance(einsum("bi->ib", a), transpose(a)) == 0);
  CHECK(distance(einsum("bi->", a), sum(a)) < 1e-14);
  CHECK(distance(einsum("bi->b", a), sum(a, {1})) < 1e-14);
  CHECK(distance(einsum("bi,->b", a, f64({2}, {})), sum(a, {1}) * 2) < 1e-14);
}

TEST_CASE("matmul of vectors and batches") {
  const Tensor m = counting({2, 3});
  const Tensor v = counting({3});
  CHECK(values(matmul(m, v)) == std::vector<double>{5, 14});
  CHECK(matmul(v, v).shape() == Shape{});
  CHECK(matmul(v, v).item() == 5);
  CHECK(matmul(counting({5, 1, 2, 3}), counting({4, 3, 2})).shape() == Shape{5, 4, 2, 2});
  CHECK(values(matmul(zeros({2, 0}, DType::f64), zeros({0, 2}, DType::f64))) ==
        std::vector<double>{0, 0, 0, 0});
}

TEST_CASE("products of larger matrices match a plain loop") {
  const Tensor a = nabla::sin(counting({67, 45}, 0.37)).detach();
  const Tensor b = nabla::cos(counting({45, 83}, 0.21)).detach();
  const std::vector<double> x = values(a);
  const std::vector<double> y = values(b);
  std::vector<double> expected(67 * 83, 0);
  for (std::size_t i = 0; i < 67; ++i)
    for (std::size_t k = 0; k < 45; ++k)
      for (std::size_t j = 0; j < 83; ++j) expected[i * 83 + j] += x[i * 45 + k] * y[k * 83 + j];
  const Tensor plain = f64(expected, {67, 83});
  CHECK(distance(matmul(a, b), plain) < 1e-12);
  CHECK(distance(matmul(transpose(transpose(a).detach()), transpose(transpose(b).detach())), plain) < 1e-12);
  CHECK(distance(cast(matmul(cast(a, DType::f32), cast(b, DType::f32)), DType::f64), plain) < 2e-5);
}

TEST_CASE("a formula that makes no sense is refused with its text") {
  const Tensor a = ones({2, 3});
  const auto message = [&](const char* formula) { return error_of([&] { einsum(formula, a, a); }); };
  CHECK(contains(message("bi,bj"), "einsum: \"bi,bj\": write the result behind \"->\""));
  CHECK(contains(message("bi->b"), "names 1 operands, got 2"));
  CHECK(contains(message("bi,bj,bk->b"), "names 3 operands, got 2"));
  CHECK(contains(message("bb,bi->i"), "a letter stands twice in \"bb\""));
  CHECK(contains(message("bi,bj->bb"), "a letter stands twice in \"bb\""));
  CHECK(contains(message("bi,bj->bz"), "no operand has the axis 'z'"));
  CHECK(contains(message("b1,bj->b"), "axes are letters, not '1'"));
  CHECK(contains(message("bij,bj->b"), "operand [2, 3] does not have the axes \"bij\""));
  CHECK(contains(message("bi,ij->bj"), "contraction"));  // 3 beside 2
  CHECK(contains(error_of([] { einsum("i,i->", iota(3), iota(3)); }), "needs a floating type"));
}

}  // namespace nabla::test
