#include "tests/spec/checks.h"

// The two modes against each other, and every choice of active inputs.

namespace nabla::spec {

Failures check_adjoint(const Spec& spec) {
  Failures failures;
  if (spec.nondifferentiable) return failures;
  Random random = random_for(spec, 10);
  for (int draw = 0; draw < 2; ++draw) {
    const At at = at_sample(spec, sample_inputs(spec, random));
    std::vector<Tensor> dxs;
    for (const Tensor& x : at.xs) dxs.push_back(direction(random, x.shape()));
    const Tensor u = direction(random, at.y.shape());
    const auto tangent = forward(at.y, at.xs, dxs);
    const auto cotangents = reverse(at.y, at.xs, u);
    const Dot pushed = tangent ? dot(u, *tangent) : Dot{};
    Dot pulled;
    for (std::size_t i = 0; i < at.xs.size(); ++i) {
      if (!cotangents[i]) continue;
      if (!(cotangents[i]->shape() == at.xs[i].shape()))
        failures.push_back("vjp of input " + std::to_string(i) + " has shape " +
                           to_string(cotangents[i]->shape()));
      pulled += dot(*cotangents[i], dxs[i]);
    }
    if (tangent && !(tangent->shape() == at.y.shape()))
      failures.push_back("jvp has shape " + to_string(tangent->shape()));
    pulled.absolute += spec.inner_magnitude;
    expect_dot(failures, "<u, J v> = <J^T u, v>", pushed, pulled, 2 * spec.tolerance);
  }
  return failures;
}

Failures check_active_subsets(const Spec& spec) {
  Failures failures;
  Random random = random_for(spec, 11);
  const At at = at_sample(spec, sample_inputs(spec, random));
  const bool floating = is_floating(at.y.dtype());

  // What carries no derivative: inputs that say so, and a variable that y does not contain.
  std::vector<Tensor> inactive{variable({2}, DType::f64)};
  for (std::size_t i = 0; i < at.inputs.size(); ++i)
    if (is_floating(at.inputs[i].dtype()) && (!spec.inputs[i].differentiable || spec.nondifferentiable))
      inactive.push_back(at.inputs[i]);
  for (const Tensor& x : inactive) {
    if (forward(at.y, {x}, {ones_like(x)}))
      failures.push_back("jvp by an inactive input is not a symbolic zero");
    if (floating && reverse(at.y, {x}, ones_like(at.y))[0])
      failures.push_back("vjp of an inactive input is not a symbolic zero");
  }
  if (spec.nondifferentiable) return failures;

  const std::size_t count = at.xs.size();
  std::vector<Tensor> dxs;
  for (const Tensor& x : at.xs) dxs.push_back(direction(random, x.shape()));
  const Tensor u = direction(random, at.y.shape());
  const auto all = reverse(at.y, at.xs, u);
  std::vector<std::optional<Tensor>> single;
  for (std::size_t i = 0; i < count; ++i) single.push_back(forward(at.y, {at.xs[i]}, {dxs[i]}));

  for (std::size_t subset = 1; subset < (std::size_t{1} << count); ++subset) {
    std::vector<Tensor> xs{inactive[0]};
    std::vector<Tensor> directions{ones_like(inactive[0])};
    std::optional<Tensor> expected;
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < count; ++i) {
      if (!(subset >> i & 1)) continue;
      xs.push_back(at.xs[i]);
      directions.push_back(dxs[i]);
      members.push_back(i);
      if (single[i]) expected = expected ? *expected + *single[i] : *single[i];
    }
    const std::string label = " for active inputs " + std::to_string(subset);
    expect_close(failures, "jvp" + label, forward(at.y, xs, directions), expected, spec.tolerance);
    const auto pulled = reverse(at.y, xs, u);
    if (pulled[0]) failures.push_back("vjp of a variable beside the active inputs is not a symbolic zero");
    for (std::size_t k = 0; k < members.size(); ++k)
      expect_close(failures, "vjp" + label, pulled[k + 1], all[members[k]], spec.tolerance);
  }
  return failures;
}

}  // namespace nabla::spec
