#include "tests/engine/numbers.h"

// top_k looks for the first places alone: they are those of the whole order.

namespace nabla::test {

TEST_CASE("the first places are those of the whole order: ties by place, NaN before all numbers") {
  const Tensor key = random_key(1);
  const double infinity = std::numeric_limits<double>::infinity();
  // Few values, so that most are ties; some NaN and infinities; the longest line is looked through in pieces.
  for (const std::int64_t length : {1, 2, 7, 65, 300, 140000})
    for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::u8})
      for (const int kind : {0, 1, 2}) {
        if (kind == 2 && !is_floating(dtype)) continue;
        INFO(length, " of ", std::string(name_of(dtype)), ", kind ", kind);
        Tensor x = cast(cast(uniform(key, {length}, DType::f64) * (kind == 0 ? 9.0 : 250.0), DType::i32),
                        DType::f64);
        if (kind == 2)
          x = select(less(x, 80.0), full({}, std::nan(""), DType::f64), select(less(x, 90.0), infinity, -x));
        x = cast(x, dtype).detach();
        const std::vector<double> from = values(x);
        std::vector<std::int64_t> order(from.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
        std::ranges::stable_sort(order, [&](std::int64_t i, std::int64_t j) {
          const double a = from[i], b = from[j];
          return std::isnan(a) || std::isnan(b) ? std::isnan(a) && !std::isnan(b) : a > b;
        });
        CHECK(argsort(x, 0, true).to_vector<std::int64_t>() == order);
        for (const std::int64_t k : {std::int64_t{0}, std::int64_t{1}, std::int64_t{5}, length / 2, length}) {
          if (k > length) continue;
          const TopK top = top_k(x, k);
          CHECK(top.indices.to_vector<std::int64_t>() ==
                std::vector<std::int64_t>(order.begin(), order.begin() + k));
          CHECK(top.values.shape() == Shape{k});
        }
      }
  CHECK(values(top_k(f64({std::nan(""), 1, std::nan("")}, {3}), 3).indices) == std::vector<double>{0, 2, 1});
}

TEST_CASE("the first places along any axis, and their values' derivative") {
  const Tensor x = normal(random_key(2), {5, 33, 7}, DType::f64).detach();
  for (const int axis : {0, 1, 2}) {
    const Tensor whole = argsort(x, axis, true);
    CHECK(values(top_k(x, 3, axis).indices) == values(slice(whole, axis, 0, 3)));
    CHECK(values(top_k(x, 3, axis).values) == values(slice(sort(x, axis, true), axis, 0, 3)));
  }
  const Tensor taken = grad([](const Tensor& v) { return sum(top_k(v, 3, 1).values); }, x);
  CHECK(sum(taken).item() == 5 * 3 * 7);
  CHECK(values(taken * taken) == values(taken));
}

}  // namespace nabla::test
