#include <doctest/doctest.h>

#include <array>
#include <limits>

#include "engine/engine.h"
#include "tests/spec/plan_reference.h"
#include "tests/spec/program.h"

// Random programs of what the canonical form rewrites: constants, zeros of both signs, views, signs, casts
// and sums, on numbers among which are infinities, NaN and -0.

namespace nabla::spec {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::array<double, 5> kSpecials{0.0, -0.0, kInfinity, -kInfinity,
                                          std::numeric_limits<double>::quiet_NaN()};
constexpr std::array<double, 8> kConstants{0.0, -0.0, 1, -1, 2, 0.1, 0.3, kInfinity};
constexpr std::int64_t kMost = 2000;

class RewritingProgram {
 public:
  RewritingProgram(std::uint64_t seed, DType dtype) : random_(seed), dtype_(dtype) {
    extents_ = {1 + pick(4), 17 + pick(8), 1 + pick(3)};
  }

  std::vector<Tensor> leaves() {
    std::vector<Tensor> made;
    for (int count = 1 + pick(3); count > 0; --count) {
      const Shape shape = random_shape();
      std::vector<double> numbers = elements(direction(random_, shape) * 2);
      for (double& number : numbers)
        if (pick(6) == 0) number = kSpecials[pick(5)];
      made.push_back(cast(tensor<double>(numbers, shape), dtype_).detach());
    }
    return made;
  }

  std::vector<Tensor> build(std::vector<Tensor> leaves) {
    values_ = std::move(leaves);
    for (int count = 2; count > 0; --count) values_.push_back(constant(random_shape()));
    for (int count = 8 + pick(24); count > 0; --count) {
      const Tensor made = step(any());
      if (made.size() <= kMost && made.rank() <= 4) values_.push_back(made);
    }
    std::vector<Tensor> outputs{values_.back()};
    for (const Tensor& value : values_)
      if (pick(4) == 0) outputs.push_back(value);
    return outputs;
  }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }
  Shape random_shape() {
    Shape shape;
    for (int rank = pick(4); rank > 0; --rank) shape.push_back(pick(4) == 0 ? 1 : extents_[pick(3)]);
    return shape;
  }
  double number() { return kConstants[pick(8)]; }
  Tensor constant(const Shape& shape) { return full(shape, number(), dtype_); }
  Tensor any() {
    const std::size_t count = values_.size();
    return values_[pick(2) == 0 ? count - 1 - random_() % std::min<std::size_t>(count, 3)
                                : random_() % count];
  }
  // A value that fits beside x, a constant of its shape, or a literal's.
  Tensor partner(const Tensor& x) {
    switch (pick(4)) {
      case 0:
        return constant(x.shape());
      case 1:
        return constant(Shape::filled(x.rank(), 1));
      default:
        for (int tries = 0; tries < 6; ++tries) {
          const Tensor y = any();
          Shape fits;
          if (y.rank() == x.rank() && broadcast_shapes(x.shape(), y.shape(), fits)) return y;
        }
        return x;
    }
  }

  Tensor step(const Tensor& x) {
    switch (pick(8)) {
      case 0:
        return unary(x);
      case 1:
      case 2:
        return pick(2) == 0 ? binary(x, partner(x)) : binary(partner(x), x);
      case 3:
        return binary(constant(x.shape()), constant(Shape::filled(x.rank(), 1)));
      case 4:
      case 5:
        return x.rank() == 0 ? insert_axes(x, {-1}) : view(x, -1 - pick(x.rank()));
      case 6:
        return other(x);
      default:
        return x.rank() == 0 ? neg(x) : along(x, -1 - pick(x.rank()));
    }
  }

  Tensor unary(const Tensor& x) {
    switch (pick(8)) {
      case 0:
      case 1:
        return neg(x);
      case 2:
        return nabla::abs(x);
      case 3:
        return square(x);
      case 4:
        return nabla::exp(x);
      case 5:
        return sigmoid(x);
      case 6:
        return sign(x);
      default:
        return nabla::sin(x);
    }
  }

  Tensor binary(const Tensor& x, const Tensor& y) {
    switch (pick(8)) {
      case 0:
      case 1:
        return x + y;
      case 2:
      case 3:
        return x - y;
      case 4:
      case 5:
        return x * y;
      case 6:
        return x / y;
      default:
        return nabla::max(x, y);
    }
  }

  Tensor view(const Tensor& x, int axis) {
    const std::int64_t extent = x.shape()[axis];
    switch (pick(9)) {
      case 0:
        return insert_axes(x, {axis});
      case 1:
        return extent == 1 ? drop_axes(x, {axis}) : flip(x, axis);
      case 2:
        return transpose(x, axis, 0);
      case 3:
        return transpose(x, axis, -1);
      case 4:
        return slice(x, axis, extent > 1 ? pick(2) : 0, extent, 1 + pick(2));
      case 5:
        return reshape(x, Shape{x.size()});
      case 6:
        return reshape(x, concatenate(x.shape(), Shape{1}));
      case 7:
        return broadcast_to(insert_axes(x, {-x.rank() - 1}), concatenate(Shape{1 + pick(3)}, x.shape()));
      default:
        return stop_gradient(x);
    }
  }

  Tensor other(const Tensor& x) {
    const DType wide = dtype_ == DType::f32 ? DType::f64 : DType::f32;
    const Tensor y = partner(x);
    switch (pick(5)) {
      case 0:
        return cast(cast(x, wide), dtype_);
      case 1:
        return cast(cast(cast(less(x, y), DType::u8), DType::i32), dtype_);
      case 2:
        return select(less(x, y), y, 0.0);
      case 3:
        return select(equal(constant(x.shape()), number()), x, y);
      default:
        return select(greater(x, number()), constant(x.shape()), number());
    }
  }

  Tensor along(const Tensor& x, int axis) {
    switch (pick(6)) {
      case 0:  // of integers, whose sums do not round in any order
        return sum(cast(cast(nabla::sin(x) * 64, DType::i32), dtype_), {axis}, pick(2) == 0);
      case 1:
        return sum(full(x.shape(), kConstants[pick(5)], dtype_), {axis}, true);
      case 2:
        return cumsum(x, axis);
      case 3:
        return pad(x, axis, pick(2), pick(3));
      case 4:
        return concatenate({x, constant(x.shape())}, axis);
      default:
        return concatenate({constant(x.shape()), full(x.shape(), 0, dtype_)}, axis);
    }
  }

  Random random_;
  DType dtype_;
  std::array<std::int64_t, 3> extents_;
  std::vector<Tensor> values_;
};

Failures check_program(std::uint64_t seed, DType dtype) {
  const std::string name = "NABLAFLOW_FUZZ_SEED=" + std::to_string(seed) + " " + std::string(name_of(dtype));
  const std::vector<Tensor> given = RewritingProgram(seed, dtype).leaves();
  const auto build = [&](const std::vector<Tensor>& leaves) {
    RewritingProgram program(seed, dtype);
    program.leaves();  // the same draws
    return program.build(leaves);
  };
  const auto fresh = [&] {
    std::vector<Tensor> leaves;
    for (const Tensor& leaf : given) leaves.push_back(leaf.detach());
    return build(leaves);
  };
  const std::vector<Tensor> wanted = fresh();
  {
    const WithoutOptimisations reference;
    evaluate(wanted);
  }
  const std::vector<Tensor> found = fresh();
  const std::vector<Tensor> compiled = compile(build)(given);
  Failures failures;
  evaluate_checked(failures, name, found);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    expect_value(failures, name + ": output " + std::to_string(i), found[i], {wanted[i], 0});
    expect_value(failures, name + ": compiled output " + std::to_string(i), compiled[i], {wanted[i], 0});
  }
  if (!failures.empty()) failures.push_back(to_text(fresh()));
  return failures;
}

// A product of operands that repeat themselves along some axes, seen through views.
class RepeatingProduct {
 public:
  explicit RepeatingProduct(std::uint64_t seed) : random_(seed) {
    for (int axis = 0; axis < 4; ++axis) extents_.push_back(1 + pick(5));
    for (int axis = -4; axis < 0; ++axis)
      if (pick(3) == 0) summed_.push_back(axis);
  }
  Tensor build() { return contraction(operand(), operand(), summed_); }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }
  Tensor operand() {
    Shape narrow = extents_;
    Shape shown = extents_;
    for (int axis = 0; axis < 4; ++axis) {
      if (pick(2) == 0) continue;
      narrow[axis] = 1;
      if (pick(3) == 0) shown[axis] = 1;
    }
    const int a = pick(4), b = pick(4);
    Tensor x = direction(random_, narrow).detach();
    if (pick(4) == 0) return full(shown, 0.3, DType::f64);
    if (pick(2) == 0) return broadcast_to(x, shown);
    x = transpose(x, a, b);
    Shape turned = shown;
    std::swap(turned[a], turned[b]);
    x = drop_axes(insert_axes(broadcast_to(x, turned), {-1}), {-1});
    return transpose(flip(x, 1), a, b);
  }

  Random random_;
  Shape extents_;
  Axes summed_;
};

}  // namespace

TEST_CASE("random programs of what is rewritten keep their bits, compiled and not") {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + program_count(); ++seed)
    for (const DType dtype : {DType::f32, DType::f64})
      for (const std::string& failure : check_program(seed, dtype)) FAIL_CHECK(failure);
}

TEST_CASE("products of operands that repeat themselves are what they were") {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + program_count(); ++seed) {
    const std::vector<Expected> expected =
        expected_values(operations_behind({RepeatingProduct(seed).build()}));
    const Tensor found = RepeatingProduct(seed).build();
    Failures failures;
    evaluate_checked(failures, "NABLAFLOW_FUZZ_SEED=" + std::to_string(seed), {found});
    expect_value(failures, "NABLAFLOW_FUZZ_SEED=" + std::to_string(seed), found, expected.back());
    for (const std::string& failure : failures) FAIL_CHECK(failure);
  }
}

}  // namespace nabla::spec
