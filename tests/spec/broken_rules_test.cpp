#include <doctest/doctest.h>

#include <algorithm>

#include "engine/graph/primitive.h"
#include "engine/ops/contract.h"
#include "tests/spec/checks.h"
#include "tests/spec/rows.h"

// The checks must fail where a rule is wrong: each test breaks one thing and names the checks that have to
// notice.

namespace nabla::spec {
namespace {

// The product of two tensors with rules that can be broken one at a time. Its kernel is that of mul.
class Product final : public Primitive {
 public:
  enum class Flaw {
    none,
    jvp_sign,           // the tangent has the wrong sign in one slot
    vjp_sign,           // the cotangent has
    both_signs,         // both are wrong together: only numbers from outside notice
    no_sum_to_shape,    // the cotangent keeps the extents of a broadcast
    drops_a_slot,       // one slot has no derivative in forward mode
    ignores_leading,    // many tangents are summed
    wrong_at_second,    // right to first order, but the factor is a constant
    duplicates_primal,  // the primal is built again under promotion
    compressed_is_sum,  // a compressed cotangent is taken for the sum of the whole one
  };

  explicit Product(Flaw flaw) : Primitive(Op::mul, Class::pointwise, Registration::unlisted), flaw_(flaw) {}

  TensorType infer(Inputs inputs, const Attributes&) const override {
    return {broadcast_operands(name(), inputs), inputs[0].dtype()};
  }
  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const override {
    std::optional<Tensor> result;
    for (std::size_t i = 0; i < 2; ++i) {
      if (!tangents[i] || (flaw_ == Flaw::drops_a_slot && i == 1)) continue;
      Tensor term = factor(at, i) * *tangents[i];
      if (i == 1 && (flaw_ == Flaw::jvp_sign || flaw_ == Flaw::both_signs)) term = -term;
      if (flaw_ == Flaw::ignores_leading && term.rank() > at.output.rank())
        term = broadcast_to(mean(term, {0}, true), term.shape());
      if (flaw_ == Flaw::duplicates_primal)
        term =
            term + apply(*this, {promote(at.inputs[0], term.rank()), promote(at.inputs[1], term.rank())}) * 0;
      result = result ? *result + term : term;
    }
    return result;
  }
  std::optional<Tensor> vjp(const Application& at, int slot, const Tensor& cotangent) const override {
    const std::size_t i = slot;
    Tensor term = factor(at, i) * cotangent;
    if (i == 1 && (flaw_ == Flaw::vjp_sign || flaw_ == Flaw::both_signs)) term = -term;
    if (flaw_ == Flaw::no_sum_to_shape) return term;
    if (flaw_ == Flaw::compressed_is_sum && cotangent.shape()[-1] < at.output.shape()[-1]) term = term * 0.5;
    return sum_to_shape(term, at.output.shape(), at.inputs[i].shape());
  }
  std::optional<int> carried_axis(const Application&, int, int axis) const override { return axis; }

 private:
  Tensor factor(const Application& at, std::size_t slot) const {
    const Tensor& other = at.inputs[1 - slot];
    return flaw_ == Flaw::wrong_at_second ? stop_gradient(other) : other;
  }
  Flaw flaw_;
};

// Names of the checks that fail for this flaw.
std::vector<std::string> noticed_by(Product::Flaw flaw) {
  const Product product(flaw);
  const auto build = [&product](Args x) { return apply(product, {x[0], x[1]}); };
  const std::vector<Input> inputs{real({3, 2}), real({1, 2})};
  const Spec spec{.primitive = "mul", .label = "broken", .build = build, .inputs = inputs};
  std::vector<std::string> names;
  for (const Check& check : all_checks())
    if (!run(check, spec).empty()) names.emplace_back(check.name);
  return names;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TEST_CASE("a primitive without a flaw passes") {
  for (const std::string& name : noticed_by(Product::Flaw::none)) FAIL_CHECK(name);
}

TEST_CASE("every flaw is noticed by the checks that it concerns") {
  using Flaw = Product::Flaw;
  struct Expectation {
    Flaw flaw;
    std::vector<std::string> checks;
  };
  const Expectation expectations[] = {
      {Flaw::jvp_sign, {"differences", "complex step", "adjoint", "second order"}},
      {Flaw::vjp_sign, {"adjoint", "second order"}},
      {Flaw::both_signs, {"differences", "complex step", "second order"}},
      {Flaw::no_sum_to_shape, {"adjoint"}},
      {Flaw::drops_a_slot, {"differences", "complex step", "adjoint"}},
      {Flaw::ignores_leading, {"leading axes"}},
      {Flaw::wrong_at_second, {"second order"}},
      {Flaw::duplicates_primal, {"sharing"}},
      {Flaw::compressed_is_sum, {"compressed axes"}},
  };
  for (const Expectation& expectation : expectations) {
    const std::vector<std::string> names = noticed_by(expectation.flaw);
    for (const std::string& check : expectation.checks) {
      INFO("flaw ", static_cast<int>(expectation.flaw), ", check ", check);
      CHECK(has(names, check));
    }
  }
}

TEST_CASE("wrong rules of a custom derivative are noticed") {
  using Tangents = std::vector<std::optional<Tensor>>;
  const auto checks_with = [](double forward_factor, double reverse_factor) {
    const CustomDerivative function(
        "scaled_tanh", [](Args x) { return nabla::tanh(x[0]); },
        [=](Args, const Tensor& y, const Tangents& dx) { return (1 - square(y)) * *dx[0] * forward_factor; },
        [=](Args, const Tensor& y, const Tensor& ct) {
          return Tangents{(1 - square(y)) * ct * reverse_factor};
        });
    const auto build = [function](Args x) { return function({x[0]}); };
    const Spec spec{.primitive = "tanh", .label = "custom", .build = build, .inputs = {real({2, 3})}};
    std::vector<std::string> names;
    for (const Check& check : program_checks())
      if (!run(check, spec).empty()) names.emplace_back(check.name);
    return names;
  };
  CHECK(has(checks_with(1.0001, 1), "differences"));
  CHECK(has(checks_with(1.0001, 1), "adjoint"));
  CHECK(has(checks_with(1, 0.9999), "adjoint"));
  CHECK(has(checks_with(1.0001, 1.0001), "complex step"));
}

TEST_CASE("a row that does not use its primitive fails") {
  const Spec spec{.primitive = "cos",
                  .label = "",
                  .build = [](Args x) { return nabla::sin(x[0]); },
                  .inputs = {real({2})}};
  CHECK_FALSE(check_use(spec).empty());
}

TEST_CASE("wrong values and wrong answers at special points are noticed") {
  Spec spec{.primitive = "abs",
            .label = "",
            .build = [](Args x) { return nabla::abs(x[0]); },
            .inputs = {real({3})},
            .analytic = false,
            .scalar = [](std::span<const double> x) { return x[0]; }};
  CHECK_FALSE(check_value(spec).empty());
  spec.cases = {
      {.label = "kink", .inputs = {f64({0}, {1})}, .value = {0}, .along_ones = {{1}}, .gradient = {{0}}}};
  CHECK(check_cases(spec).size() == 1);
  spec.cases = {{.label = "kink", .inputs = {f64({0}, {1})}, .value = {}, .second = {{1}}}};
  CHECK(check_cases(spec).size() == 4);  // by every composition
}

}  // namespace nabla::spec
