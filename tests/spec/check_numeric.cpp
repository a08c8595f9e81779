#include <cmath>
#include <complex>

#include "engine/tensor/complex.h"
#include "tests/spec/checks.h"

// Checks against numbers that do not come from the rules: plain C++, finite differences, the complex step,
// f32.

namespace nabla::spec {
namespace {

// Element `flat` of the output of shape `shape` reads this element of an input that was broadcast to it.
std::size_t broadcast_position(std::int64_t flat, const Shape& shape, const Shape& input) {
  const auto strides = dense_strides(input);
  std::int64_t position = 0;
  for (int axis = -1; axis >= -shape.rank(); --axis) {
    const std::int64_t at = flat % shape[axis];
    flat /= shape[axis];
    if (input.extent_or_one(axis) != 1) position += at * strides[input.rank() + axis];
  }
  return static_cast<std::size_t>(position);
}

std::vector<Tensor> shifted(const Spec& spec, const std::vector<Tensor>& inputs,
                            const std::vector<Tensor>& dxs, double step) {
  std::vector<Tensor> result = inputs;
  const std::vector<std::size_t> slots = differentiable_inputs(spec);
  for (std::size_t i = 0; i < slots.size(); ++i) result[slots[i]] = inputs[slots[i]] + dxs[i] * step;
  return result;
}

std::vector<Tensor> directions(const At& at, Random& random) {
  std::vector<Tensor> dxs;
  for (const Tensor& x : at.xs) dxs.push_back(direction(random, x.shape()));
  return dxs;
}

}  // namespace

Failures check_value(const Spec& spec) {
  Failures failures;
  if (!spec.scalar) return failures;
  Random random = random_for(spec, 1);
  const At at = at_sample(spec, sample_inputs(spec, random));
  std::vector<std::vector<double>> inputs;
  for (const Tensor& input : at.inputs) inputs.push_back(elements(input));
  std::vector<double> expected;
  for (std::int64_t i = 0; i < at.y.size(); ++i) {
    std::vector<double> arguments;
    for (std::size_t k = 0; k < inputs.size(); ++k)
      arguments.push_back(inputs[k][broadcast_position(i, at.y.shape(), at.inputs[k].shape())]);
    expected.push_back(spec.scalar(arguments));
  }
  expect_close(failures, "value", elements(at.y), expected, 1e-15 * 8);
  return failures;
}

// With a step of 2^-10 the truncation of the five-point formula is h^4/30 = 3e-14 times the fifth derivative,
// and its rounding 1.5 eps/h = 3e-13 times the value; the default tolerance leaves room for a fifth
// derivative of 1e5.
Failures check_differences(const Spec& spec) {
  Failures failures;
  constexpr double kStep = 0x1p-10;
  if (spec.nondifferentiable) return failures;
  Random random = random_for(spec, 2);
  for (const bool integers : {false, false, true}) {
    const std::vector<Tensor> sample = sample_inputs(spec, random);
    const At at = at_sample(spec, integers ? at_integers(spec, sample) : sample);
    const std::vector<Tensor> dxs = directions(at, random);
    const auto value = [&](double steps) { return spec.build(shifted(spec, at.inputs, dxs, steps * kStep)); };
    const Tensor difference = ((value(1) - value(-1)) * 8 - (value(2) - value(-2))) * (1 / (12 * kStep));
    expect_close(failures, "jvp against central differences", forward(at.y, at.xs, dxs),
                 std::optional(difference), spec.difference_tolerance);
  }
  return failures;
}

Failures check_complex_step(const Spec& spec) {
  Failures failures;
  constexpr double kStep = 1e-30;
  if (spec.nondifferentiable || !spec.analytic) return failures;
  Random random = random_for(spec, 3);
  const At at = at_sample(spec, sample_inputs(spec, random));
  const std::vector<Tensor> dxs = directions(at, random);
  std::vector<Tensor> inputs = converted(spec, at.inputs, DType::c128);
  const std::vector<std::size_t> slots = differentiable_inputs(spec);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::vector<double> x = elements(at.xs[i]);
    const std::vector<double> dx = elements(dxs[i]);
    std::vector<std::complex<double>> z;
    for (std::size_t k = 0; k < x.size(); ++k) z.emplace_back(x[k], kStep * dx[k]);
    inputs[slots[i]] = tensor<std::complex<double>>(z, at.xs[i].shape());
  }
  const Tensor y = spec.build(inputs);
  if (!(y.shape() == at.y.shape())) failures.push_back("complex value: shape " + to_string(y.shape()));
  std::vector<double> derivative;
  for (const std::complex<double>& v : y.to_vector<std::complex<double>>())
    derivative.push_back(v.imag() / kStep);
  const std::optional<Tensor> tangent = forward(at.y, at.xs, dxs);
  expect_close(failures, "jvp against the complex step",
               tangent ? elements(*tangent) : std::vector<double>(derivative.size(), 0), derivative,
               spec.tolerance);
  return failures;
}

Failures check_f32(const Spec& spec) {
  Failures failures;
  if (!spec.f32) return failures;
  Random random = random_for(spec, 4);
  const At exact = at_sample(spec, sample_inputs(spec, random));  // samples are representable in f32
  const At single = at_sample(spec, converted(spec, exact.inputs, DType::f32));
  const double tolerance = spec.f32_tolerance;
  if (!(single.y.shape() == exact.y.shape()))
    failures.push_back("f32 value: shape " + to_string(single.y.shape()));
  expect_close(failures, "f32 value", elements(single.y), elements(exact.y), tolerance);
  if (spec.nondifferentiable) return failures;

  const std::vector<Tensor> dxs = directions(exact, random);
  std::vector<Tensor> dxs32;
  for (const Tensor& dx : dxs) dxs32.push_back(cast(dx, DType::f32));
  const auto widened = [](const std::optional<Tensor>& x) {
    return x ? std::optional(cast(*x, DType::f64)) : std::nullopt;
  };
  expect_close(failures, "f32 jvp", widened(forward(single.y, single.xs, dxs32)),
               forward(exact.y, exact.xs, dxs), tolerance);
  const Tensor ct = direction(random, exact.y.shape());
  const auto pulled32 = reverse(single.y, single.xs, cast(ct, single.y.dtype()));
  const auto pulled = reverse(exact.y, exact.xs, ct);
  for (std::size_t i = 0; i < pulled.size(); ++i)
    expect_close(failures, "f32 vjp of input " + std::to_string(i), widened(pulled32[i]), pulled[i],
                 tolerance);
  return failures;
}

namespace {

// Along ones twice, by the four ways to compose the modes.
void expect_second(Failures& failures, const std::string& label, const Tensor& y, const Tensor& x,
                   const std::vector<double>& expected, double tolerance) {
  const auto one = ones_like(x);
  const auto tangent = forward(y, {x}, {one});
  const auto cotangent = reverse(y, {x}, ones_like(y))[0];
  const auto expect = [&](const char* what, const std::optional<Tensor>& got) {
    expect_close(failures, label + ": " + what, elements(got ? *got : zeros_like(x)), expected, tolerance);
  };
  expect("jvp of jvp", tangent ? forward(*tangent, {x}, {one}) : std::nullopt);
  expect("vjp of jvp", tangent ? reverse(*tangent, {x}, one)[0] : std::nullopt);
  expect("jvp of vjp", cotangent ? forward(*cotangent, {x}, {one}) : std::nullopt);
  expect("vjp of vjp", cotangent ? reverse(*cotangent, {x}, one)[0] : std::nullopt);
}

}  // namespace

Failures check_cases(const Spec& spec) {
  Failures failures;
  constexpr double kTolerance = 1e-13;
  for (const Case& c : spec.cases) {
    const Tensor y = spec.build(c.inputs);
    if (!c.value.empty()) expect_close(failures, c.label + ": value", elements(y), c.value, kTolerance);
    for (std::size_t i = 0; i < c.along_ones.size(); ++i) {
      const Tensor& x = c.inputs[i];
      const auto tangent = forward(y, {x}, {ones_like(x)});
      expect_close(failures, c.label + ": jvp by input " + std::to_string(i),
                   elements(tangent ? *tangent : zeros_like(y)), c.along_ones[i], kTolerance);
    }
    for (std::size_t i = 0; i < c.gradient.size(); ++i) {
      const Tensor& x = c.inputs[i];
      const auto cotangent = reverse(y, {x}, ones_like(y))[0];
      expect_close(failures, c.label + ": vjp of input " + std::to_string(i),
                   elements(cotangent ? *cotangent : zeros_like(x)), c.gradient[i], kTolerance);
    }
    for (std::size_t i = 0; i < c.second.size(); ++i)
      expect_second(failures, c.label + ": second derivative by input " + std::to_string(i), y, c.inputs[i],
                    c.second[i], kTolerance);
  }
  return failures;
}

}  // namespace nabla::spec
