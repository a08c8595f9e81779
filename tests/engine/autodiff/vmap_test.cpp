#include "engine/autodiff/vmap.h"

#include "tests/engine/numbers.h"

namespace nabla::test {

TEST_CASE("vmap applies a function to every entry of the outermost axis") {
  const Tensor x = counting({3, 4}, 0.1);
  const auto f = [](const Tensor& row) { return sum(square(row)) + argmax(row).item() * 0; };
  CHECK_FALSE(error_of([&] { vmap(f, x); }).empty());  // a mapped argument has no value
  const auto g = [](const Tensor& row) { return softmax(row) * sum(row); };
  const Tensor y = vmap(g, x);
  CHECK(y.shape() == Shape{3, 4});
  for (std::int64_t i = 0; i < 3; ++i) CHECK(distance(y[i], g(x[i])) < 1e-15);
}

TEST_CASE("vmap takes an axis per argument, from either side, or none") {
  const Tensor a = counting({2, 3}, 0.5);
  const Tensor b = counting({3, 4}, 0.25);
  const Tensor w = counting({2}, 1);
  const std::vector<Tensor> y = vmap(
      [](const std::vector<Tensor>& x) {
        return std::vector{insert_axes(x[0] * x[2], {-1}) * x[1], sum(x[0]), x[2] + 1};
      },
      {a, b, w}, {1, 0, kNotMapped});
  CHECK(y[0].shape() == Shape{3, 2, 4});
  for (std::int64_t i = 0; i < 3; ++i)
    CHECK(distance(y[0][i], insert_axes(a({all, i}) * w, {-1}) * b[i]) < 1e-15);
  CHECK(distance(y[1], sum(a, {0})) < 1e-15);
  // A result that no mapped argument reaches is repeated.
  CHECK(y[2].shape() == Shape{3, 2});
  CHECK(distance(vmap([](const std::vector<Tensor>& x) { return std::vector{x[0] * 2}; }, {a}, {-1})[0],
                 transpose(a) * 2) == 0);
}

TEST_CASE("vmap refuses what does not fit") {
  const auto f = [](const std::vector<Tensor>& x) { return std::vector{x[0]}; };
  const Tensor x = ones({2, 3});
  CHECK(contains(error_of([&] { vmap(f, {x, x}, {0, 1}); }), "vmap: argument 1 [2, 3] has 3 entries"));
  CHECK(contains(error_of([&] { vmap(f, {x}, {2}); }), "vmap: no axis 2"));
  CHECK(contains(error_of([&] { vmap(f, {x}, {kNotMapped}); }), "no argument is mapped"));
  CHECK(contains(error_of([&] { vmap(f, {x}, {0, 0}); }), "1 arguments but 2 axes"));
}

TEST_CASE("vmap nests, and with derivatives in any order") {
  const Tensor x = counting({2, 3, 4}, 0.1);
  const auto f = [](const Tensor& row) { return sum(nabla::sin(row) * row); };
  const Tensor twice = vmap([&](const Tensor& m) { return vmap(f, m); }, x);
  CHECK(distance(twice, sum(nabla::sin(x) * x, {2})) < 1e-14);
  // Per-sample gradients.
  const Tensor rows = x[0];
  const Tensor slopes = vmap([&](const Tensor& row) { return grad(f, row); }, rows);
  CHECK(distance(slopes, nabla::cos(rows) * rows + nabla::sin(rows)) < 1e-14);
  const Tensor outside = grad([&](const Tensor& m) { return sum(vmap(f, m)); }, rows);
  CHECK(distance(outside, slopes) < 1e-14);
  // Per-sample Hessians.
  const Tensor hessians = vmap(
      [&](const Tensor& row) { return jacobian([&](const Tensor& r) { return grad(f, r); }, row); }, rows);
  CHECK(hessians.shape() == Shape{3, 4, 4});
  CHECK(hessians({1, 2, 2}).item() == doctest::Approx(2 * std::cos(rows({1, 2}).item()) -
                                                      rows({1, 2}).item() * std::sin(rows({1, 2}).item())));
  CHECK(hessians({1, 2, 3}).item() == 0);
}

TEST_CASE("vmap of two arguments of which an inner one maps only the second") {
  const Tensor a = counting({2, 3}, 0.3);
  const Tensor b = counting({2, 4, 3}, 0.1);
  const Tensor y = vmap(
      [](const std::vector<Tensor>& x) {
        return vmap([&](const std::vector<Tensor>& z) { return std::vector{sum(z[0] * z[1])}; }, {x[0], x[1]},
                    {kNotMapped, 0});
      },
      {a, b}, {0, 0})[0];
  CHECK(distance(y, einsum("bd,bkd->bk", a, b)) < 1e-14);
}

}  // namespace nabla::test
