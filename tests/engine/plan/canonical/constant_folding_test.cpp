#include <doctest/doctest.h>

#include "tests/engine/rewrites.h"

namespace nabla::test {
namespace {

using Unary = Tensor (*)(const Operand&);
using Binary = Tensor (*)(const Operand&, const Operand&);

const Unary kUnary[] = {&nabla::neg, &nabla::abs,  &nabla::sign, &nabla::square, &nabla::sqrt, &rsqrt,
                        &reciprocal, &nabla::exp,  &nabla::log,  &nabla::expm1,  &nabla::sin,  &nabla::log1p,
                        &nabla::cos, &nabla::tanh, &sigmoid,     &nabla::erf};
const Binary kBinary[] = {&nabla::add, &nabla::sub,     &nabla::mul,   &nabla::div,       &nabla::max,
                          &nabla::min, &nabla::pow,     &nabla::equal, &nabla::not_equal, &nabla::less,
                          &less_equal, &nabla::greater, &greater_equal};

// The value by the canonical form and by a step of its own. NaN stays a step.
void check_folds(const std::function<Tensor()>& f) {
  const std::vector<double> found = values(f());
  CHECK(same_bits(found, reference(f)));
  if (std::isnan(found[0])) return;
  CHECK(computed(f()) == "");
}

// A plan of y computes the reference's bits and these things.
void check_plan(const std::function<Tensor()>& f, const std::string& expected) {
  CHECK(computed(f()) == expected);
  CHECK(same_bits(values(f()), reference(f)));
}

}  // namespace

TEST_CASE("pointwise primitives of constants are constants with the bits of their kernels") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const std::vector<double> numbers = values(specials(dtype));
    const auto constant = [&](double value) { return full({2, 3}, value, dtype); };
    for (const double a : numbers) {
      INFO(name_of(dtype), " ", a);
      for (const Unary f : kUnary) check_folds([&] { return f(constant(a)); });
      for (const DType to : {DType::f32, DType::f64, DType::i32, DType::u8, DType::boolean})
        check_folds([&] { return cast(constant(a), to); });
      for (const double b : numbers) {
        for (const Binary f : kBinary) check_folds([&] { return f(constant(a), constant(b)); });
        check_folds([&] { return select(less(constant(a), constant(b)), constant(a), constant(b)); });
      }
    }
  }
  // Chains, through views, and integers as far as a constant holds them.
  const auto one = [](DType dtype) { return full({4}, 1, dtype); };
  check_folds([&] { return transpose(insert_axes(one(DType::f32) * 3 + 0.1, {-1})) * full({2, 4}, 0.7); });
  check_folds([&] { return sum(cast(one(DType::i32) * -7, DType::f64), {-1}) + 2; });
  check_folds([&] { return neg(one(DType::u8) * 3); });
  CHECK(computed(full({3}, 9007199254740992.0, DType::i64) + 1) == "add");
  CHECK((full({}, 9007199254740992.0, DType::i64) + 1).to_vector<std::int64_t>()[0] == 9007199254740993);
}

TEST_CASE("a constant takes part in rewriting what reads it") {
  check_rewrite([](const Tensor& x, const Tensor&) { return x * (full({1, 1}, 2, x.dtype()) - 1); }, "");
  check_rewrite([](const Tensor& x, const Tensor&) { return x + -sin(zeros_like(x)); }, "");
  check_rewrite(
      [](const Tensor& x, const Tensor&) { return x * insert_axes(full({1}, -1, x.dtype()), {-2}); }, "neg");
  // The derivative of a power with a constant exponent asks whether it is 0.
  const Tensor x = (counting({5}) + 1).detach();
  CHECK(computed(grad([](const Tensor& at) { return sum(pow(at, 1.5)); }, x)) == "mul pow");
}

TEST_CASE("what is moved beside other elements is read from a constant") {
  const Tensor x = counting({2, 3}).detach();
  check_plan([] { return pad(exp(full({2, 3}, 2, DType::f64)), 0, 1, 0); }, "pad");
  check_plan([&] { return concatenate({x.detach(), exp(full({2, 3}, 2, DType::f64))}, 0); }, "concatenate");
}

TEST_CASE("a NaN stays a step, which NaN mode names") {
  const auto nan = [] { return full({3}, 2, DType::f64) * log(full({3}, -1, DType::f64)); };
  CHECK(contains(computed(nan()), "log"));
  set_nan_mode(true);
  CHECK(contains(error_of([&] { values(nan()); }), "nan mode: log"));
  set_nan_mode(false);
}

TEST_CASE("zeros stay zeros through views, moves and sums") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = specials(dtype);  // [19]
    const Shape row{19};
    const auto zero = [&](const Shape& shape) { return zeros(shape, dtype) * 3; };
    const auto subtracted = [&](const std::function<Tensor()>& made) {
      check_plan([&] { return x.detach() - made(); }, "");
    };
    subtracted([&] { return reshape(zero({1, 19}), row); });
    subtracted([&] { return slice(transpose(zero({19, 3})), 0, 1, 2)[0]; });
    subtracted([&] { return flip(broadcast_to(zero({1}), row), 0); });
    subtracted([&] { return pad(zero({15}), 0, 1, 3); });
    subtracted([&] { return concatenate({zero({7}), zeros({12}, dtype)}, 0); });
    subtracted([&] { return sum(zero({4, 19}), {0}); });
    subtracted([&] { return cumsum(zero(row), 0); });
    subtracted([&] { return reduce_max(zero({4, 19}), {0}) + reduce_min(zero({4, 19}), {0}); });
    subtracted([&] { return select(greater(x, 1), zero(row), 0.0); });
    subtracted([&] { return cast(zeros({19}, DType::i32), dtype); });
    subtracted([&] { return stop_gradient(zero(row)); });
    // -0 becomes 0 where it is added up, and has zeros beside it where it is padded.
    const auto minus_zero = [&](const Shape& shape) { return full(shape, -0.0, dtype); };
    const auto added = [&](const std::function<Tensor()>& made, const std::string& names) {
      check_plan([&] { return x.detach() + made(); }, names);
    };
    added([&] { return reshape(minus_zero({1, 19}), row); }, "");
    added([&] { return concatenate({minus_zero({7}), neg(zeros({12}, dtype))}, 0); }, "");
    added([&] { return sum(minus_zero({4, 19}), {0}); }, "add");
    added([&] { return cumsum(minus_zero(row), 0); }, "add");
    added([&] { return pad(minus_zero({15}), 0, 1, 3); }, "add pad");
    added([&] { return concatenate({minus_zero({7}), zeros({12}, dtype)}, 0); }, "add concatenate");
  }
}

TEST_CASE("zeros do not hide a NaN, an infinity or a refusal") {
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor x = f64({inf, std::nan(""), 1, -1}, {2, 2});
  check_plan([&] { return x.detach() * 0; }, "mul");
  CHECK(std::isnan(values(matmul(zeros({2, 2}, DType::f64), x))[0]));
  CHECK_THROWS_AS(values(x + gather(zeros({2, 2}, DType::f64) * 2, i64({0, 5, 0, 5}, {2, 2}), 0)), Error);
}

TEST_CASE("sums of equal numbers are known where no order of adding rounds") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto total = [&](double value, const Shape& shape) {
      return [=] { return sum(full(shape, value, dtype)); };
    };
    check_plan(total(1, {1000, 7}), "");
    check_plan(total(-0.375, {33}), "");
    check_plan(total(-0.0, {33}), "");
    check_plan(total(5, {0, 3}), "");
    check_plan(total(std::ldexp(1.0, dtype == DType::f32 ? 127 : 1023), {4}), "");
    check_plan([&] { return sum(full({3, 5, 2}, 3, dtype), {0, 2}, true) * 2; }, "");
    const double inf = std::numeric_limits<double>::infinity();
    check_plan(total(inf, {3}), "sum");
  }
  // Terms of f32 are added in f64.
  check_plan([] { return sum(full({1000}, 0.1, DType::f32)); }, "");
  check_plan([] { return sum(full({1000}, 0.1, DType::f64)); }, "sum");
  check_plan([] { return sum(full({1000}, 1, DType::i64)); }, "sum");
  check_plan([] { return sum(full({1000}, 1, DType::i32)); }, "cast sum");
}

TEST_CASE("what adds up constants finds them as they lie without the canonical form") {
  for (const std::int64_t n : {5, 100, 3000}) {
    const auto check = [](const std::function<Tensor()>& f) {
      CHECK(same_bits(values(f()), reference(f)));
      CHECK(same_bits(values(compile(f)()), values(f())));
    };
    const auto third = [=] { return full({n, 3}, 0.3, DType::f64) / 3; };
    check([&] { return sum(third()); });
    check([&] { return sum(exp(third()), {0}); });
    check([&] { return sum(slice(transpose(third()), 0, 1, 3)); });
    check([&] { return sum(reshape(full({n, 3}, 0.3, DType::f64), Shape{3 * n})); });
    check([&] { return mean(third() * third()) + sum(third()) * 2; });
    const Tensor w = sin(counting({3, 4})).detach();
    check([&] { return matmul(third(), w); });
    const auto product = compile([&](const Tensor& at) { return matmul(third(), at); });
    CHECK(same_bits(values(product(w)), values(matmul(third(), w))));
  }
}

}  // namespace nabla::test
