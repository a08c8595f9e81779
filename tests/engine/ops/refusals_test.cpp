#include "tests/engine/numbers.h"

// Mistakes that an operator or a transform can see are refused where they are made, with what was asked for.

namespace nabla::test {

TEST_CASE("reverse mode refuses an integer variable") {
  const Tensor n = i64({1, 2}, {2});
  const Tensor y = sum(cast(n, DType::f64));
  const auto refusal = [](const std::string& message) {
    return contains(message, "vjp: a variable [2] i64 carries no derivative; cast it");
  };
  const Tensor one = ones_like(y);
  CHECK(refusal(error_of([&] { vjp(y, n, one); })));
  CHECK(refusal(error_of([&] { gradients(y, {n}); })));
  CHECK(refusal(error_of([&] { grad([](const Tensor& v) { return sum(cast(v, DType::f64)); }, n); })));
  CHECK(refusal(error_of([&] {
    value_and_grad([](const std::vector<Tensor>& v) { return std::vector{sum(v[0])}; }, {ones({2}), n});
  })));
}

TEST_CASE("a constant as variable is refused, for every equal constant would be the variable too") {
  const DType type = DType::f64;
  const auto refused = [](const std::string& message, const char* what) {
    return contains(message, std::string(what) + ": a variable [3] f64 is a constant") &&
           contains(message, "detach()") && contains(message, "grad(f, x)");
  };
  const Tensor a = full({3}, 2, type), b = full({3}, 2, type), one = ones({3}, type);
  const std::vector<Tensor> constants{a,
                                      a * 2 + 1,
                                      iota(3, type),
                                      broadcast_to(zeros({1}, type), {3}),
                                      cast(ones({3}), type),
                                      nabla::exp(sum(identity(3, type), {0}))};
  const Tensor x = f64({1, -1, 2}, {3});
  for (const Tensor& constant : constants) {
    const Tensor y = relu(x + constant);
    CHECK(refused(error_of([&] { gradients(sum(y), {x, constant}); }), "vjp"));
    CHECK(refused(error_of([&] { jvp(y, constant, one); }), "jvp"));
  }
  // What is told apart: leaves with equal values, functions, cells, random numbers, what is made of them.
  const Tensor u = a.detach(), v = b.detach();
  for (const Tensor& g : gradients(sum(u + v), {u, v})) CHECK(values(g) == std::vector<double>{1, 1, 1});
  CHECK(values(grad([&](const Tensor& bias) { return sum(relu(x + bias)); }, zeros({3}, type))) ==
        std::vector<double>{1, 0, 1});
  const Cell cell(zeros({3}, type));
  CHECK(values(gradients(sum(relu(x + cell.get())), {cell.get()})[0]) == std::vector<double>{1, 0, 1});
  const Tensor w = normal(random_key(0), {3}, type) + zeros({3}, type);
  CHECK(values(gradients(sum(square(w) * 0.5), {w})[0]) == values(w));
}

TEST_CASE("forward mode adds the tangents of a variable that is named twice") {
  const Tensor x = f64({1, 2}, {2});
  const Tensor y = square(x);
  const std::vector<Tensor> twice{x, x};
  const std::vector<Tensor> directions{f64({1, 1}, {2}), f64({10, 20}, {2})};
  CHECK(values(*jvp(std::span(&y, 1), twice, directions)[0]) == std::vector<double>{22, 84});
  // With leading axes that broadcast, and where y is the variable itself.
  const std::vector<Tensor> leading{f64({1, 1}, {1, 2}), f64({1, 2, 3, 4}, {2, 2})};
  CHECK(values(*jvp(std::span(&y, 1), twice, leading)[0]) == std::vector<double>{4, 12, 8, 20});
  CHECK(values(*jvp(std::span(&x, 1), twice, directions)[0]) == std::vector<double>{11, 21});
}

TEST_CASE("a range that its type cannot count is refused") {
  CHECK(contains(error_of([] { iota(300, DType::u8); }), "iota: u8 cannot count to 299"));
  CHECK(contains(error_of([] { iota((std::int64_t{1} << 24) + 2, DType::f32); }), "iota: f32"));
  CHECK(contains(error_of([] { iota(2, DType::boolean); }), "iota: bool"));
  CHECK(values(iota(256, DType::u8)).back() == 255);
  CHECK(iota(0, DType::u8).size() == 0);
}

TEST_CASE("one_hot counts classes beyond the type of its indices") {
  const Tensor indices = tensor<std::uint8_t>({0, 43, 44, 255}, {4});
  const Tensor picked = one_hot(indices, 300);
  CHECK(picked.shape() == Shape{4, 300});
  CHECK(values(sum(picked, {1})) == std::vector<double>{1, 1, 1, 1});
  CHECK(values(argmax(picked)) == std::vector<double>{0, 43, 44, 255});
}

TEST_CASE("a shape with more elements than can be counted is refused") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 32;
  CHECK(contains(error_of([] { ones({kHuge, kHuge}); }), "[4294967296, 4294967296]"));
  const Tensor row = ones({1, kHuge});
  CHECK(contains(error_of([&] { row + ones({kHuge, 1}); }), "[4294967296, 4294967296]"));
  CHECK(contains(error_of([&] { broadcast_to(row, {kHuge, kHuge}); }), "[4294967296, 4294967296]"));
}

TEST_CASE("an integer literal that would be rounded is refused") {
  constexpr std::int64_t kLast = std::int64_t{1} << 53;
  const Tensor x = i64({0}, {1});
  CHECK((x + kLast).to_vector<std::int64_t>()[0] == kLast);
  CHECK((x - kLast).to_vector<std::int64_t>()[0] == -kLast);
  for (const std::int64_t beyond : {kLast + 1, kLast + 2, -kLast - 1, INT64_MAX, INT64_MIN}) {
    INFO(beyond);
    CHECK(contains(error_of([&] { x + beyond; }), "literal: an integer beyond 2^53"));
  }
  CHECK(contains(error_of([&] { x + UINT64_MAX; }), "literal: an integer beyond 2^53"));
}

TEST_CASE("operators name themselves and what was asked for") {
  CHECK(contains(error_of([] { mean(iota(3)); }), "mean: [3] i64 needs a floating type"));
  const Tensor x = ones({3, 2});
  CHECK(
      contains(error_of([&] { slice(x, 0, -9, 2); }), "slice: range -9 to 2 lies outside axis -2 of [3, 2]"));
  CHECK(contains(error_of([&] { slice(x, 0, 1, -7); }), "slice: range 1 to -7"));
  CHECK(contains(error_of([&] { contraction(x, x, {1, -1}); }), "a summed axis is named twice"));
  CHECK(contains(error_of([&] { contraction(x, x, {0, 0}); }), "contraction: operands [3, 2]"));
}

TEST_CASE("concatenate refuses parts that differ beyond its axis") {
  const Tensor thin = ones({1, 3});
  const Tensor tall = ones({5, 3});
  for (const auto& parts : {std::vector{thin, tall}, std::vector{tall, thin}}) {
    const std::string message = error_of([&] { concatenate(parts, 1); });
    CHECK(contains(message, "concatenate: operands ["));
    CHECK(contains(message, "[1, 3]"));
    CHECK(contains(message, "differ beyond axis -1"));
    CHECK(concatenate(parts, 0).shape() == Shape{6, 3});
  }
  CHECK(contains(error_of([&] { concatenate({thin, ones({3})}, -1); }), "concatenate: operands ["));
  CHECK(contains(error_of([&] { concatenate({thin}, 5); }), "concatenate: no axis 5 in shape [1, 3]"));
  CHECK(same(concatenate({thin}, -2), thin));
}

TEST_CASE("bool is refused where it has no order and no sum, before anything runs") {
  const Tensor flags = equal(ones({3, 2}), 1);
  CHECK(contains(error_of([&] { reduce_max(flags, {0}); }), "reduce_max: operands [3, 2] bool: cast bool"));
  CHECK(contains(error_of([&] {
                   scatter_add(flags, i64({0, 1, 0}, {3, 1}), 0, 2);
                 }),
                 "scatter_add: operands [3, 2] bool"));
}

TEST_CASE("what has an order refuses complex numbers when it is built") {
  const Tensor z = ones({2}, DType::c128);
  const auto refusal = [&](const char* name, const auto& build) {
    CHECK(contains(error_of(build), std::string(name) + ": operands [2] c128"));
  };
  refusal("max", [&] { max(z, z); });
  refusal("min", [&] { min(z, z); });
  refusal("abs", [&] { abs(z); });
  refusal("sign", [&] { sign(z); });
  refusal("less", [&] { less(z, z); });
  refusal("greater_equal", [&] { greater_equal(z, z); });
  CHECK(equal(z, z).to_vector<bool>() == std::vector<bool>{true, true});
}

}  // namespace nabla::test
