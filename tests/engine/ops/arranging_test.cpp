#include "engine/ops/arranging.h"

#include <limits>

#include "engine/ops/matrices.h"
#include "tests/engine/numbers.h"

namespace nabla::test {

TEST_CASE("a linspace has both ends exactly, and each number in its place") {
  CHECK(values(linspace(1, 2, 5, DType::f64)) == std::vector<double>{1, 1.25, 1.5, 1.75, 2});
  CHECK(values(linspace(0.1, 0.7, 7, DType::f64)).back() == 0.7);
  CHECK(values(linspace(0.1, 0.7, 7, DType::f64)).front() == 0.1);
  CHECK(values(linspace(3, 9, 1, DType::f64)) == std::vector<double>{3});
  CHECK(linspace(3, 9, 0).shape() == Shape{0});
  CHECK(contains(error_of([] { linspace(0, 1, -1); }), "linspace: -1 numbers of f32"));
  CHECK(contains(error_of([] { linspace(0, 1, 3, DType::i64); }), "needs a floating type"));
}

TEST_CASE("the smallest element is found for every type, at its first place") {
  CHECK(argmin(f64({3, 1, 2, 1}, {4})).item() == 1);
  CHECK(argmin(f64({3, std::numeric_limits<double>::quiet_NaN(), -1}, {3})).item() == 1);
  CHECK(argmin(cast(f64({3, 200, 0, 0}, {4}), DType::u8)).item() == 2);
  const Tensor lowest = tensor(std::vector<std::int64_t>{5, std::numeric_limits<std::int64_t>::min(),
                                                         std::numeric_limits<std::int64_t>::max()},
                               {3});
  CHECK(argmin(lowest).item() == 1);
  CHECK(values(argmin(f64({1, 2, 3, 0}, {2, 2}), 0)) == std::vector<double>{0, 1});
}

TEST_CASE("quantiles between the ends, of infinities, and what they refuse") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = f64({7, -infinity, 1, infinity, 3}, {5});
  CHECK(quantile(x, 0).item() == -infinity);
  CHECK(quantile(x, 1).item() == infinity);
  CHECK(median(x).item() == 3);
  CHECK(median(f64({4, 1, 3, 2}, {4})).item() == 2.5);
  CHECK(contains(error_of([&] { quantile(x, 1.5); }), "quantile: 1.5 along axis -1 of [5] f64"));
  CHECK(contains(error_of([&] { quantile(x, std::numeric_limits<double>::quiet_NaN()); }), "from 0 to 1"));
  CHECK(contains(error_of([] { median(zeros({2, 0})); }), "needs a floating type, elements"));
  CHECK(contains(error_of([] { median(iota(3)); }), "needs a floating type"));
}

TEST_CASE("arrangements and matrices refuse what they cannot do, by name") {
  const Tensor x = zeros({2, 3});
  CHECK(contains(error_of([&] { roll(x, 1, 2); }), "roll"));
  CHECK(contains(error_of([&] { repeat(x, -1, 0); }), "repeat: operands [2, 3] f32: -1 times is negative"));
  CHECK(contains(error_of([&] { tile(x, {2, -1}); }), "tile: operands [2, 3] f32: -1 times"));
  CHECK(contains(error_of([&] {
                   meshgrid({iota(2), x});
                 }),
                 "meshgrid: operands [2] i64 and [2, 3] f32: each"));
  CHECK(contains(error_of([&] { diagonal(x, 4); }), "diagonal: operands [2, 3] f32: a diagonal of offset 4"));
  CHECK(contains(error_of([&] { trace(iota(2)); }), "trace: operands [2] i64: needs 2 axes at least"));
  CHECK(contains(error_of([&] { tril(iota(2)); }), "tril"));
  CHECK(contains(error_of([&] { triu(iota(2)); }), "triu"));
  CHECK(contains(error_of([&] { kron(x, iota(2)); }), "kron: operands [2] i64: needs 2 axes at least"));
  CHECK(contains(error_of([&] { outer(x, full({}, 1)); }), "outer"));
  CHECK(contains(error_of([&] { diagonal_matrix(full({}, 1)); }), "diagonal_matrix"));
  // Masks and integers are arranged as well.
  CHECK(tril(cast(x + 1.0, DType::boolean)).dtype() == DType::boolean);
  CHECK(values(roll(iota(3), 1, 0)) == std::vector<double>{2, 0, 1});
  CHECK(diagonal_matrix(zeros({2, 0}), 1).shape() == Shape{2, 1, 1});
}

}  // namespace nabla::test
