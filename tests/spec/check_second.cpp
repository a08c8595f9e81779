#include "tests/spec/checks.h"

// Second derivatives: d/dx of <u, J v> in direction w, by the four ways to compose the two modes.

namespace nabla::spec {
namespace {

std::vector<Tensor> directions(const std::vector<Tensor>& xs, Random& random, const Shape& leading = {}) {
  std::vector<Tensor> dxs;
  for (const Tensor& x : xs) dxs.push_back(direction(random, concatenate(leading, x.shape())));
  return dxs;
}

// Both derivatives of several tensors of which some may be symbolic zeros.
struct Present {
  std::vector<Tensor> tensors;
  std::vector<std::size_t> slots;
  explicit Present(const std::vector<std::optional<Tensor>>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i]) continue;
      tensors.push_back(*all[i]);
      slots.push_back(i);
    }
  }
  std::vector<Tensor> pick(const std::vector<Tensor>& from) const {
    std::vector<Tensor> picked;
    for (const std::size_t slot : slots) picked.push_back(from[slot]);
    return picked;
  }
};

std::optional<Tensor> second_tangent(const At& at, const std::vector<Tensor>& v,
                                     const std::vector<Tensor>& w) {
  const auto first = forward(at.y, at.xs, v);
  return first ? forward(*first, at.xs, w) : std::nullopt;
}

std::vector<Tensor> entry(const std::vector<Tensor>& all, std::int64_t k) {
  std::vector<Tensor> one;
  for (const Tensor& x : all) one.push_back(x[k]);
  return one;
}

void check_at(Failures& failures, const Spec& spec, const At& at, Random& random) {
  const std::vector<Tensor> v = directions(at.xs, random);
  const std::vector<Tensor> w = directions(at.xs, random);
  const Tensor u = direction(random, at.y.shape());

  // jvp of jvp, in both orders.
  const auto forward_forward = second_tangent(at, v, w);
  expect_close(failures, "jvp of jvp is symmetric", second_tangent(at, w, v), forward_forward,
               10 * spec.tolerance);

  // vjp of jvp and vjp of vjp give the whole gradient of <u, J v>.
  const std::size_t count = at.xs.size();
  const auto tangent = forward(at.y, at.xs, v);
  const std::vector<std::optional<Tensor>> reverse_forward =
      tangent ? reverse(*tangent, at.xs, u) : std::vector<std::optional<Tensor>>(count);
  const Present pulled(reverse(at.y, at.xs, u));
  const auto reverse_reverse = vjp(pulled.tensors, at.xs, pulled.pick(v));
  for (std::size_t i = 0; i < count; ++i)
    expect_close(failures, "vjp of jvp against vjp of vjp, input " + std::to_string(i), reverse_forward[i],
                 reverse_reverse[i], 10 * spec.tolerance);

  // jvp of vjp, entry by entry against both of the above.
  const auto forward_reverse = jvp(pulled.tensors, at.xs, w);
  Dot from_forward_reverse;
  for (std::size_t k = 0; k < pulled.slots.size(); ++k)
    if (forward_reverse[k]) from_forward_reverse += dot(*forward_reverse[k], v[pulled.slots[k]]);
  Dot from_reverse;
  for (std::size_t i = 0; i < count; ++i)
    if (reverse_forward[i]) from_reverse += dot(*reverse_forward[i], w[i]);
  const Dot from_forward = forward_forward ? dot(*forward_forward, u) : Dot{};
  // Cancellation inside a second derivative is not seen by the terms of the last sum: 1 stands for it.
  const auto widened = [](Dot d) {
    d.absolute += 1;
    return d;
  };
  expect_dot(failures, "jvp of jvp against vjp of jvp", widened(from_forward), widened(from_reverse),
             10 * spec.tolerance);
  expect_dot(failures, "jvp of jvp against jvp of vjp", widened(from_forward), widened(from_forward_reverse),
             10 * spec.tolerance);

  // Against differences of the first derivative (see check_numeric.cpp for step and tolerance).
  constexpr double kStep = 0x1p-10;
  const auto tangent_at = [&](double steps) {
    std::vector<Tensor> inputs = at.inputs;
    const std::vector<std::size_t> slots = differentiable_inputs(spec);
    for (std::size_t i = 0; i < count; ++i) inputs[slots[i]] = at.xs[i] + w[i] * (steps * kStep);
    const At moved = at_sample(spec, inputs);
    const auto pushed = forward(moved.y, moved.xs, v);
    return pushed ? *pushed : zeros_like(moved.y);
  };
  const Tensor difference =
      ((tangent_at(1) - tangent_at(-1)) * 8 - (tangent_at(2) - tangent_at(-2))) * (1 / (12 * kStep));
  expect_close(failures, "jvp of jvp against central differences", forward_forward, std::optional(difference),
               10 * spec.difference_tolerance);

  // K1 = 2 first tangents under K2 = 3 second ones, which must not be taken for each other.
  const std::vector<Tensor> vs = directions(at.xs, random, {2});
  const std::vector<Tensor> ws = directions(at.xs, random, {3});
  const auto nested = second_tangent(at, vs, ws);
  for (std::int64_t a = 0; a < 2; ++a)
    for (std::int64_t b = 0; b < 3; ++b)
      expect_close(failures, "jvp of jvp under nested leading axes",
                   nested ? std::optional((*nested)[b][a]) : std::nullopt,
                   second_tangent(at, entry(vs, a), entry(ws, b)), 10 * spec.tolerance);
  const Tensor us = direction(random, concatenate(Shape{2}, at.y.shape()));
  const Present many(reverse(at.y, at.xs, us));
  const auto pushed_many = jvp(many.tensors, at.xs, ws);
  for (std::int64_t a = 0; a < 2; ++a) {
    const Present one(reverse(at.y, at.xs, us[a]));
    for (std::int64_t b = 0; b < 3; ++b) {
      const auto pushed_one = jvp(one.tensors, at.xs, entry(ws, b));
      for (std::size_t k = 0; k < pushed_one.size(); ++k)
        expect_close(failures, "jvp of vjp under nested leading axes",
                     pushed_many[k] ? std::optional((*pushed_many[k])[b][a]) : std::nullopt, pushed_one[k],
                     10 * spec.tolerance);
    }
  }
}

}  // namespace

Failures check_second_order(const Spec& spec) {
  Failures failures;
  if (spec.nondifferentiable) return failures;
  Random random = random_for(spec, 40);
  const std::vector<Tensor> sample = sample_inputs(spec, random);
  check_at(failures, spec, at_sample(spec, sample), random);
  check_at(failures, spec, at_sample(spec, at_integers(spec, sample)), random);
  return failures;
}

}  // namespace nabla::spec
