#include <cstring>
#include <numeric>

#include "engine/backend/instruction_set.h"
#include "tests/engine/numbers.h"

// The order in which a sum adds its terms follows from their number alone, and loses few digits.

namespace nabla::test {
namespace {

Tensor shifted_numbers(const Shape& shape, int key, DType dtype) {
  return cast(normal(random_key(static_cast<std::uint64_t>(key)), shape, DType::f64) * 100 + 1, dtype)
      .detach();
}

// The same values, laid out the other way round.
Tensor dense_transpose(const Tensor& x) { return cast(transpose(x) + 0.0, x.dtype()).detach(); }

bool bits_agree(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = values(a), y = values(b);
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(double)) == 0;
}

// Errors in units of the rounding of the sum of absolute terms, against long double.
double worst_error(const std::vector<double>& x, const std::vector<double>& sums, bool running) {
  long double exact = 0, absolute = 0;
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    exact += static_cast<long double>(x[i]);
    absolute += std::abs(static_cast<long double>(x[i]));
    if (!running && i + 1 < x.size()) continue;
    const long double error = std::abs(static_cast<long double>(sums[running ? i : 0]) - exact);
    worst = std::max(worst, static_cast<double>(error / (absolute * 0x1p-53L)));
  }
  return worst;
}

}  // namespace

TEST_CASE("a sum has the same bits however its terms lie, alone and inside a program") {
  // Around the lanes, the blocks, and what is summed by one task.
  for (const std::int64_t terms : {2, 31, 32, 33, 100, 255, 256, 257, 300, 1000, 1025, 4096, 5000, 70001})
    for (const DType dtype : {DType::f64, DType::f32}) {
      INFO(terms, " terms, ", std::string(name_of(dtype)));
      const Tensor w = shifted_numbers({terms, 12}, 1, dtype);
      const Tensor turned = dense_transpose(w);
      const Tensor alone = sum(turned, {-1}).detach();
      CHECK(bits_agree(sum(w, {0}), alone));
      CHECK(bits_agree(sum(transpose(w), {-1}), alone));
      CHECK(bits_agree(sum(w({all, range(0, 3)}), {0}), alone({range(0, 3)})));
      CHECK(bits_agree(sum(transpose(w) * 2.0, {-1}) * 0.5, alone));
      CHECK(
          bits_agree(compile([](const Tensor& x) { return sum(transpose(x) * 2.0, {-1}) * 0.5; })(w), alone));
      CHECK(bits_agree(sum(reshape(turned, {12, 1, terms}), {1, 2}), alone));
    }
}

TEST_CASE("a sum of pieces, and one over tangents, have the bits of the sum of the same terms in a row") {
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Tensor x = shifted_numbers({9, 70, 33}, 2, dtype);
    const Tensor row = reshape(transpose(x, 0, 1), {70, 9 * 33});
    CHECK(bits_agree(sum(x, {0, 2}), sum((row + 0.0).detach(), {1})));
    for (const std::int64_t few : {2, 3, 15}) {
      const Tensor pieces = shifted_numbers({11, few, 66, 2}, 4, dtype);
      const Tensor terms = reshape(transpose(pieces, 1, 2), {11, 66, few * 2});
      CHECK(bits_agree(sum(pieces, {1, 3}), sum((terms + 0.0).detach(), {2})));
    }
    for (const std::int64_t tangents : {2, 32, 50, 300}) {
      INFO(tangents, " tangents");
      const Tensor t = shifted_numbers({tangents, 16, 1024}, 3, dtype);
      const Tensor twice = (t * 2.0).detach();
      const Tensor alone = sum(dense_transpose(reshape(twice, {tangents, 16 * 1024})), {-1});
      CHECK(bits_agree(reshape(sum(t * 2.0, {0}), {16 * 1024}), alone));
      CHECK(bits_agree(reshape(sum(twice, {0}), {16 * 1024}), alone));
    }
  }
}

TEST_CASE("sums and cumulative sums of f64 lose few digits") {
  for (const std::int64_t count : {100, 4097, 65536, 300001}) {
    INFO(count, " terms");
    for (const double shift : {0.0, 1.0, 1e3}) {
      const Tensor x = (uniform(random_key(5), {count}, DType::f64) - 0.5 + shift).detach();
      const std::vector<double> terms = values(x);
      CHECK(worst_error(terms, values(sum(x)), false) <= 4);
      CHECK(worst_error(terms, values(sum(transpose(broadcast_to(x, {9, count})), {0})), false) <= 4);
      CHECK(worst_error(terms, values(cumsum(x, 0)), true) <= 2);
    }
  }
  // What overflows, and what is not finite, stays so.
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(values(cumsum(f64({1, infinity, 3}, {3}), 0)) == std::vector<double>{1, infinity, infinity});
  CHECK(values(cumsum(f64({1e308, 1e308, 3}, {3}), 0)) == std::vector<double>{1e308, infinity, infinity});
  CHECK(std::isnan(values(cumsum(f64({infinity, -infinity, 3}, {3}), 0))[2]));
}

}  // namespace nabla::test
