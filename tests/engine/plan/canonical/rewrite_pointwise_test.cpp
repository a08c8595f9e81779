#include <doctest/doctest.h>

#include "tests/engine/rewrites.h"

namespace nabla::test {

TEST_CASE("what changes no bit costs no step") {
  const auto unchanged = [](const std::function<Tensor(const Tensor&)>& f) {
    check_rewrite([&](const Tensor& x, const Tensor&) { return f(x); },
                  "");  // a result is its own memory
  };
  unchanged([](const Tensor& x) { return x * 1; });
  unchanged([](const Tensor& x) { return 1 * x; });
  unchanged([](const Tensor& x) { return x / 1; });
  unchanged([](const Tensor& x) { return x - 0; });
  unchanged([](const Tensor& x) { return x + -0.0; });
  unchanged([](const Tensor& x) { return -0.0 + x; });
  unchanged([](const Tensor& x) { return -(-x); });
  unchanged([](const Tensor& x) { return stop_gradient(x); });
  unchanged([](const Tensor& x) { return select(greater(x, 0), x, x); });
  unchanged([](const Tensor& x) { return x * ones_like(x) - zeros_like(x); });
  // The shape is another.
  check_rewrite([](const Tensor& x, const Tensor& y) { return x * ones_like(y); }, "mul");
  const Tensor i = i64({-3, 0, 5}, {3});
  CHECK(computed(i * 1 + 0 - 0) == "");
  CHECK(values(i * 1 + 0 - 0) == values(i));
}

TEST_CASE("adding zero changes the sign of -0, and is left out only where there is none") {
  const auto kept = [](const std::function<Tensor(const Tensor&)>& f, const std::string& names) {
    check_rewrite([&](const Tensor& x, const Tensor&) { return f(x) + 0; }, names);
    check_rewrite([&](const Tensor& x, const Tensor&) { return 0 + f(x); }, names);
  };
  kept([](const Tensor& x) { return x; }, "add");
  kept([](const Tensor& x) { return neg(x); }, "sub");
  kept([](const Tensor& x) { return sin(x); }, "add sin");
  kept([](const Tensor& x) { return x * abs(x); }, "abs add mul");
  kept([](const Tensor& x) { return x - abs(x); }, "abs add sub");
  kept([](const Tensor& x) { return min(abs(x), x); }, "abs add min");
  kept([](const Tensor& x) { return max(abs(x), x); }, "abs add max");
  kept([](const Tensor& x) { return select(greater(x, 0), square(x), x); }, "add greater select square");
  kept([](const Tensor& x) { return sqrt(x); }, "add sqrt");
  kept([](const Tensor& x) { return reciprocal(x); }, "add reciprocal");
  kept([](const Tensor& x) { return abs(x) / x; }, "abs add div");
  kept([](const Tensor& x) { return reduce_max(x, {-1}); }, "add reduce_max");
  check_rewrite([](const Tensor& x, const Tensor&) { return x - -0.0; }, "sub");

  // Never -0 as f64, but perhaps as f32.
  const auto rounded = [] { return cast(f64({-1e-60, 1e-60, 0}, {3}) + 1e-300, DType::f32) + 0; };
  CHECK(computed(rounded()) == "add add cast");
  CHECK(same_bits(values(rounded()), {0, 0, 0}));
  const auto rounded_constant = [] {
    return select(greater(tensor<float>({-1, 2}, {2}), 0), full({2}, 3), -1e-60) + 0;
  };
  CHECK(computed(rounded_constant()) == "add greater select");
  CHECK(same_bits(values(rounded_constant()), {0, 3}));

  const auto left_out = kept;
  left_out([](const Tensor& x) { return square(x); }, "square");
  left_out([](const Tensor& x) { return abs(x); }, "abs");
  left_out([](const Tensor& x) { return exp(x); }, "exp");
  left_out([](const Tensor& x) { return sigmoid(x); }, "sigmoid");
  left_out([](const Tensor& x) { return sign(x); }, "sign");
  left_out([](const Tensor& x) { return x * x; }, "mul");
  left_out([](const Tensor& x) { return x + 1; }, "add");
  left_out([](const Tensor& x) { return 1 - x; }, "sub");
  left_out([](const Tensor& x) { return abs(x) - x; }, "abs sub");
  left_out([](const Tensor& x) { return exp(x) * abs(x) / square(x); }, "abs div exp mul square");
  left_out([](const Tensor& x) { return sqrt(abs(x)); }, "abs sqrt");
  left_out([](const Tensor& x) { return reciprocal(abs(x)) + rsqrt(abs(x)); }, "abs add reciprocal rsqrt");
  left_out([](const Tensor& x) { return max(abs(x), 2) + min(exp(x), 2); }, "abs add exp max min");
  left_out([](const Tensor& x) { return select(less(x, 1), square(x), 0.5); }, "less select square");
  left_out([](const Tensor& x) { return cast(less(x, 1), x.dtype()); }, "cast less");
  left_out([](const Tensor& x) { return sum(x, {-2}, true); }, "sum");
  left_out([](const Tensor& x) { return cumsum(x, -2); }, "cumsum");
  left_out([](const Tensor& x) { return flip(pad(square(x), -2, 1, 2), -2); }, "pad square");
  check_rewrite([](const Tensor& x, const Tensor&) { return square(x) - -0.0; }, "square");
}

TEST_CASE("sums, products and constants take up signs") {
  check_rewrite([](const Tensor& x, const Tensor& y) { return x + -y; }, "sub");
  check_rewrite([](const Tensor& x, const Tensor& y) { return -x + y; }, "sub");
  check_rewrite([](const Tensor& x, const Tensor& y) { return x - -y; }, "add");
  check_rewrite([](const Tensor& x, const Tensor& y) { return -x + -y; }, "neg sub");
  check_rewrite([](const Tensor& x, const Tensor& y) { return -x * -y; }, "mul");
  check_rewrite([](const Tensor& x, const Tensor& y) { return -x / -y; }, "div");
  check_rewrite([](const Tensor& x, const Tensor&) { return -x * 3; }, "mul");
  check_rewrite([](const Tensor& x, const Tensor&) { return -x / 3; }, "div");
  check_rewrite([](const Tensor& x, const Tensor&) { return 3 / -x; }, "div");
  check_rewrite([](const Tensor& x, const Tensor&) { return x * -1; }, "neg");
  check_rewrite([](const Tensor& x, const Tensor&) { return -1 * x; }, "neg");
  check_rewrite([](const Tensor& x, const Tensor&) { return x / -1; }, "neg");
  check_rewrite([](const Tensor& x, const Tensor&) { return -1 / x; }, "div");
  check_rewrite(
      [](const Tensor& x, const Tensor& y) {
        return y * 2 + x * full({1, 1}, -1, x.dtype());
      },
      "mul sub");
  check_rewrite([](const Tensor& x, const Tensor& y) { return x * full(y.shape(), -1, x.dtype()); }, "mul");
  // Not the sign of a difference: 0 has one.
  check_rewrite([](const Tensor& x, const Tensor& y) { return -(x - y); }, "neg sub");
  const Tensor i = i64({-3, 0, std::numeric_limits<std::int64_t>::min()}, {3});
  const auto twice = [&] { return i - -i; };
  CHECK(computed(twice()) == "add");
  CHECK(same_bits(values(twice()), reference(twice)));
}

TEST_CASE("products with constants are not taken together") {
  check_rewrite([](const Tensor& x, const Tensor&) { return x * 3 * 0.1; }, "mul mul");
  check_rewrite([](const Tensor& x, const Tensor&) { return x / 2 / 3; }, "div div");
  check_rewrite([](const Tensor& x, const Tensor&) { return x + 1 - 1; }, "add sub");
  check_rewrite([](const Tensor& x, const Tensor&) { return x * 0; }, "mul");  // NaN of infinity
}

TEST_CASE("casts by way of a type that holds every value are the direct ones") {
  const auto twice = [](const Tensor& x, DType by, DType to, const std::string& names) {
    INFO(name_of(x.dtype()), " ", name_of(by), " ", name_of(to));
    const auto build = [&] { return cast(cast(x.detach(), by), to); };
    CHECK(computed(build()) == names);
    CHECK(same_bits(values(build()), reference(build)));
  };
  const Tensor single = specials(DType::f32);
  const Tensor full_range = specials(DType::f64);
  const Tensor integers = i64({0, 1, -1, 255, 256, 16777217, 2147483647, 4294967295, 9007199254740993}, {9});
  const auto as = [&](DType dtype) { return cast(integers, dtype).detach(); };
  twice(single, DType::f64, DType::f32, "");
  twice(as(DType::i32), DType::i64, DType::i32, "");
  twice(as(DType::u8), DType::f32, DType::u8, "");
  twice(as(DType::boolean), DType::u8, DType::boolean, "");
  for (const DType to : {DType::i32, DType::i64, DType::u8, DType::u32, DType::boolean})
    twice(single, DType::f64, to, "cast");
  for (const DType to : {DType::f32, DType::f64, DType::u8, DType::boolean}) {
    twice(as(DType::i32), DType::i64, to, "cast");
    twice(as(DType::u32), DType::i64, to, "cast");
  }
  twice(as(DType::i32), DType::f64, DType::f32, "cast");
  twice(as(DType::boolean), DType::i32, DType::f64, "cast");
  // These lose something on the way.
  twice(full_range, DType::f32, DType::f64, "cast cast");
  twice(integers, DType::f64, DType::i64, "cast cast");
  twice(as(DType::i32), DType::f32, DType::f64, "cast cast");
  twice(as(DType::i32), DType::u32, DType::f64, "cast cast");
  twice(as(DType::u32), DType::i32, DType::i64, "cast cast");
  twice(single, DType::i64, DType::f32, "cast cast");
}

TEST_CASE("selections whose outcome is known compute one branch") {
  const auto two = [](const Tensor& x) { return full({1, 1}, 2, x.dtype()); };
  check_rewrite([&](const Tensor& x, const Tensor&) { return select(greater(two(x), 1), x * 3, exp(x)); },
                "mul");
  check_rewrite([&](const Tensor& x, const Tensor&) { return select(equal(two(x), 1), x * 3, exp(x)); },
                "exp");
  check_rewrite([&](const Tensor& x, const Tensor& y) { return select(equal(two(x), 1), y, exp(x)); },
                "exp select");
}

TEST_CASE("sums find their terms as they lie without the canonical form") {
  const Tensor x = sin(counting({64, 96})).detach();
  const auto check = [&](const std::function<Tensor(const Tensor&)>& f) {
    const auto build = [&] { return f(x.detach()); };
    CHECK(same_bits(values(build()), reference(build)));
    CHECK(same_bits(values(compile(f)(x)), values(build())));
  };
  check([](const Tensor& at) { return sum(transpose(at) * 1, {-1}); });
  check([](const Tensor& at) { return sum(transpose(at) - 0, {-1}) + sum(slice(at, 1, 3, 70, 2) / 1); });
  check([](const Tensor& at) { return sum(-(-flip(at, 1)), {0}); });
  // What reads elements one by one reads the operand.
  CHECK(computed(sin(transpose(x) * 1)) == "sin");
  CHECK(computed(transpose(x) * 1) == "");
}

TEST_CASE("derivatives of derivatives hold no ones, signs and questions about exponents") {
  const Tensor x = sin(counting({4, 8})).detach();
  const Tensor v = cos(counting({4, 8})).detach();
  const auto count = [](const Tensor& y) {
    const std::string names = computed(y);
    return std::ranges::count(names, ' ') + 1;
  };
  const auto wave = [](const Tensor& at) { return sum(sin(at) * exp(at)); };
  const auto power = [](const Tensor& at) { return sum(pow(square(at) + 1, 1.5)); };
  const auto third = [&] { return grad([&](const Tensor& at) { return sum(hvp(wave, at, v) * v); }, x); };
  CHECK(count(third()) == 22);
  CHECK(count(hvp(power, x, v)) == 14);
  CHECK(same_bits(values(third()), reference(third)));
  CHECK(same_bits(values(hvp(power, x, v)), reference([&] { return hvp(power, x.detach(), v); })));
}

}  // namespace nabla::test
