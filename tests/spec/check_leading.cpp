#include "tests/spec/checks.h"

// Leading axes: many tangents and cotangents at once, and vmap.

namespace nabla::spec {
namespace {

Shape leading(std::initializer_list<std::int64_t> extents, const Tensor& x) {
  return concatenate(Shape(extents), x.shape());
}

std::vector<Tensor> entries(const std::vector<Tensor>& all, std::int64_t k) {
  std::vector<Tensor> one;
  for (const Tensor& x : all) one.push_back(x[k]);
  return one;
}

std::optional<Tensor> stacked(const std::vector<std::optional<Tensor>>& parts) {
  std::vector<Tensor> present;
  for (const std::optional<Tensor>& part : parts)
    if (part) present.push_back(*part);
  return present.empty() ? std::nullopt : std::optional(stack(present));
}

// Value, tangent and cotangents as one function of the arguments {inputs.., dxs.., ct}.
std::vector<Tensor> value_and_derivatives(const Spec& spec, const std::vector<Tensor>& arguments) {
  const std::size_t count = spec.inputs.size();
  const At at = at_sample(spec, {arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(count)});
  std::vector<Tensor> results{at.y};
  if (spec.nondifferentiable) return results;
  const std::vector<Tensor> dxs(arguments.begin() + static_cast<std::ptrdiff_t>(count), arguments.end() - 1);
  const auto tangent = forward(at.y, at.xs, dxs);
  results.push_back(tangent ? *tangent : zeros_like(at.y));
  const auto cotangents = reverse(at.y, at.xs, arguments.back());
  for (std::size_t i = 0; i < cotangents.size(); ++i)
    results.push_back(cotangents[i] ? *cotangents[i] : zeros_like(at.xs[i]));
  return results;
}

Tensor move_first_axis_last(const Tensor& x) {
  std::vector<int> order;
  for (int axis = 1; axis < x.rank(); ++axis) order.push_back(axis);
  order.push_back(0);
  return permute(x, order);
}

}  // namespace

Failures check_leading_axes(const Spec& spec) {
  Failures failures;
  if (spec.nondifferentiable) return failures;
  Random random = random_for(spec, 20);
  const At at = at_sample(spec, sample_inputs(spec, random));

  std::vector<Tensor> dxs;
  for (const Tensor& x : at.xs) dxs.push_back(direction(random, leading({3}, x)));
  std::vector<std::optional<Tensor>> singles;
  for (std::int64_t k = 0; k < 3; ++k) singles.push_back(forward(at.y, at.xs, entries(dxs, k)));
  expect_close(failures, "jvp of three tangents", forward(at.y, at.xs, dxs), stacked(singles),
               spec.tolerance);

  const Tensor cts = direction(random, leading({3}, at.y));
  const auto pulled = reverse(at.y, at.xs, cts);
  for (std::size_t i = 0; i < at.xs.size(); ++i) {
    std::vector<std::optional<Tensor>> parts;
    for (std::int64_t k = 0; k < 3; ++k) parts.push_back(reverse(at.y, at.xs, cts[k])[i]);
    expect_close(failures, "vjp of three cotangents, input " + std::to_string(i), pulled[i], stacked(parts),
                 spec.tolerance);
  }

  // Two leading axes; where there are several inputs, the first has its tangents along one axis only.
  std::vector<Tensor> grid;
  for (std::size_t i = 0; i < at.xs.size(); ++i)
    grid.push_back(direction(random, leading({2, i == 0 && at.xs.size() > 1 ? 1 : 3}, at.xs[i])));
  const auto entry = [](const Tensor& x, std::int64_t a, std::int64_t b) {
    return x[a][x.shape()[1] == 1 ? 0 : b];
  };
  std::vector<std::optional<Tensor>> outer;
  for (std::int64_t a = 0; a < 2; ++a) {
    std::vector<std::optional<Tensor>> inner;
    for (std::int64_t b = 0; b < 3; ++b) {
      std::vector<Tensor> one;
      for (const Tensor& x : grid) one.push_back(entry(x, a, b));
      inner.push_back(forward(at.y, at.xs, one));
    }
    outer.push_back(stacked(inner));
  }
  expect_close(failures, "jvp of 2 x 3 tangents", forward(at.y, at.xs, grid), stacked(outer), spec.tolerance);

  const Tensor ct_grid = direction(random, leading({2, 3}, at.y));
  const auto pulled_grid = reverse(at.y, at.xs, ct_grid);
  for (std::size_t i = 0; i < at.xs.size(); ++i) {
    std::vector<std::optional<Tensor>> rows;
    for (std::int64_t a = 0; a < 2; ++a) {
      std::vector<std::optional<Tensor>> parts;
      for (std::int64_t b = 0; b < 3; ++b) parts.push_back(reverse(at.y, at.xs, ct_grid[a][b])[i]);
      rows.push_back(stacked(parts));
    }
    expect_close(failures, "vjp of 2 x 3 cotangents, input " + std::to_string(i), pulled_grid[i],
                 stacked(rows), spec.tolerance);
  }
  return failures;
}

Failures check_vmap(const Spec& spec) {
  Failures failures;
  constexpr std::int64_t kCount = 3;
  Random random = random_for(spec, 21);
  std::vector<std::vector<Tensor>> samples;  // by entry: all arguments
  for (std::int64_t n = 0; n < kCount; ++n) {
    const At at = at_sample(spec, sample_inputs(spec, random));
    samples.push_back(at.inputs);
    if (spec.nondifferentiable) continue;
    for (const Tensor& x : at.xs) samples.back().push_back(direction(random, x.shape()));
    samples.back().push_back(direction(random, at.y.shape()));
  }
  const std::size_t arguments = samples[0].size();
  if (arguments == 0) return failures;
  const auto f = [&](const std::vector<Tensor>& a) { return value_and_derivatives(spec, a); };

  // Maps the arguments for which mapped(i); the others are those of entry 0.
  const auto compare = [&](const std::string& label, auto mapped, bool last_axis) {
    std::vector<Tensor> xs;
    std::vector<int> axes;
    for (std::size_t i = 0; i < arguments; ++i) {
      std::vector<Tensor> parts;
      for (const auto& sample : samples) parts.push_back(sample[i]);
      const Tensor whole = stack(parts);
      xs.push_back(!mapped(i) ? samples[0][i] : last_axis ? move_first_axis_last(whole) : whole);
      axes.push_back(!mapped(i) ? kNotMapped : last_axis ? -1 : 0);
    }
    const std::vector<Tensor> got = vmap(f, xs, axes);
    std::vector<std::vector<Tensor>> expected(got.size());
    for (std::int64_t n = 0; n < kCount; ++n) {
      std::vector<Tensor> one;
      for (std::size_t i = 0; i < arguments; ++i)
        one.push_back(samples[mapped(i) ? static_cast<std::size_t>(n) : 0][i]);
      const std::vector<Tensor> results = f(one);
      for (std::size_t r = 0; r < results.size(); ++r) expected[r].push_back(results[r]);
    }
    for (std::size_t r = 0; r < got.size(); ++r)
      expect_close(failures,
                   "vmap over " + label + ": " +
                       (r == 0   ? "value"
                        : r == 1 ? "jvp"
                                 : "vjp of input " + std::to_string(r - 2)),
                   got[r], stack(expected[r]), spec.tolerance);
  };
  compare(
      "all arguments", [](std::size_t) { return true; }, false);
  compare(
      "all arguments along the last axis", [](std::size_t) { return true; }, true);
  for (std::size_t only = 0; only < arguments && arguments > 1; ++only)
    compare(
        "argument " + std::to_string(only), [=](std::size_t i) { return i == only; }, false);
  return failures;
}

}  // namespace nabla::spec
