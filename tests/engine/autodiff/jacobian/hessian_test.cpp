#include "engine/autodiff/jacobian/hessian.h"

#include "tests/engine/numbers.h"

namespace nabla::test {

TEST_CASE("hessian has all second derivatives") {
  const Tensor a = f64({1, 2, -1, 0.5, 3, 4, 2, -2, 1}, {3, 3});
  const Tensor x = f64({1, -2, 0.5}, {3});
  const auto form = [&](const Tensor& v) { return sum(reshape(v, {3, 1}) * a * v); };
  CHECK(hessian(form, x).to_vector<double>() == (a + transpose(a)).to_vector<double>());
  for (const JacobianMethod method : {JacobianMethod::forward, JacobianMethod::reverse})
    CHECK(
        hessian([](const Tensor& v) { return sum(v * v * v); }, x, {.method = method}).to_vector<double>() ==
        std::vector<double>{6, 0, 0, 0, -12, 0, 0, 0, 3});
  CHECK(hessian([](const Tensor& v) { return sum(v); }, x).to_vector<double>() == std::vector<double>(9, 0));
  CHECK(contains(error_of([&] { hessian([](const Tensor& v) { return v * v; }, x); }), "grad"));
}

TEST_CASE("hessian of several arguments has a block for each two") {
  const Tensor w = f64({2, 3}, {2}), b = f64({5, 7}, {2});
  const auto f = [](const Tensor& u, const Tensor& v) { return sum(u * u * v); };
  const std::vector<std::vector<Tensor>> blocks = hessian(f, {w, b});
  REQUIRE(blocks.size() == 2);
  REQUIRE(blocks[0].size() == 2);
  CHECK(blocks[0][0].to_vector<double>() == std::vector<double>{10, 0, 0, 14});
  CHECK(blocks[0][1].to_vector<double>() == std::vector<double>{4, 0, 0, 6});
  CHECK(blocks[1][0].to_vector<double>() == std::vector<double>{4, 0, 0, 6});
  CHECK(blocks[1][1].to_vector<double>() == std::vector<double>{0, 0, 0, 0});
}

}  // namespace nabla::test
