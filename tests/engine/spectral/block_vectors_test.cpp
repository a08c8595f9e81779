#include "engine/spectral/block_vectors.h"

#include "tests/engine/operators.h"

namespace nabla::test {
namespace {

// The largest part of `a` that the orthonormal or zero directions of `b` leave over.
double outside(const Tensor& a, const Tensor& b) {
  return reduce_max(abs(a - combine(inner_products(a, b), b))).item();
}

}  // namespace

TEST_CASE("a block becomes orthonormal beside a basis, and what says nothing new becomes zero") {
  for (const DType dtype : {DType::f64, DType::f32}) {
    const double tolerance = dtype == DType::f64 ? 1e-12 : 1e-5;
    const OrthonormalBlock basis = orthonormal_beside(random_normal({3, 2, 9}, 1, dtype), {});
    CHECK(basis.nonzero == std::vector<char>(6, 1));
    const Tensor fresh = random_normal({2, 2, 9}, 2, dtype);
    const Tensor a = slice(fresh, 0, 0, 1), b = slice(fresh, 0, 1, 2);
    // New, new, their sum, something of the basis, nothing; for the second sample the first two are equal.
    const Tensor second = select(tensor(std::vector<bool>{false, true}, {1, 2, 1}), a, b);
    const Tensor known = combine(random_normal({2, 1, 3}, 3, dtype), basis.directions);
    const Tensor block = concatenate({a, second * 1e3, a + second, known, zeros_like(a)}, 0);
    const OrthonormalBlock found = orthonormal_beside(block, basis.directions, precision_of(dtype));
    CHECK(found.any());
    std::vector<int> counts(2, 0);
    for (std::size_t i = 0; i < 10; ++i) counts[i / 5] += found.nonzero[i];
    CHECK(counts == std::vector<int>{2, 1});
    const Tensor all = concatenate({basis.directions, found.directions}, 0);
    std::vector<double> expected;
    for (std::size_t sample = 0; sample < 2; ++sample)
      for (std::size_t i = 0; i < 8; ++i)
        for (std::size_t j = 0; j < 8; ++j)
          expected.push_back(i == j && (i < 3 || found.nonzero[sample * 5 + i - 3]) ? 1 : 0);
    CHECK(distance(inner_products(all, all), f64(expected, {2, 8, 8})) < tolerance);
    CHECK(outside(a, all) < tolerance);
    const OrthonormalBlock nothing = orthonormal_beside(known, basis.directions, precision_of(dtype));
    CHECK_FALSE(nothing.any());
    CHECK(reduce_max(abs(nothing.directions)).item() == 0);
  }
}

}  // namespace nabla::test
