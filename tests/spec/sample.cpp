#include "tests/spec/sample.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace nabla::spec {
namespace {

std::string number(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", x);
  return text;
}

bool keeps_away(const Input& input, double x) {
  return std::none_of(input.avoid.begin(), input.avoid.end(),
                      [&](double kink) { return std::abs(x - kink) < input.distance; });
}

double draw(const Input& input, Random& random) {
  for (;;) {
    const double x = uniform(random, input.low, input.high);
    if (keeps_away(input, x)) return x;
  }
}

template <class T>
Tensor integer_input(const Input& input, Random& random) {
  std::vector<T> values(input.shape.size());
  for (T& v : values) v = static_cast<T>(std::floor(uniform(random, input.low, input.high)));
  return tensor<T>(values, input.shape);
}

// Distinct values: one from each of as many cells as there are elements, in random order.
std::vector<double> separated_values(const Spec& spec, Random& random) {
  std::int64_t count = 0;
  for (const Input& input : spec.inputs)
    if (is_floating(input.dtype)) count += input.shape.size();
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<double>(i) + uniform(random, 0.25, 0.75));
  const double scale = 4.0 / static_cast<double>(std::max<std::int64_t>(1, count));
  for (double& v : values) v = v * scale - 2;
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random() % i]);
  return values;
}

}  // namespace

double uniform(Random& random, double low, double high) {
  const double x = low + (high - low) * (static_cast<double>(random() >> 11) * 0x1p-53);
  return static_cast<double>(static_cast<float>(x));
}

Tensor direction(Random& random, const Shape& shape) {
  std::vector<double> values(shape.size());
  for (double& v : values) v = uniform(random, -1, 1);
  return tensor<double>(values, shape);
}

std::vector<Tensor> sample_inputs(const Spec& spec, Random& random) {
  if (spec.sample) return spec.sample(random());
  std::vector<double> pool;
  if (spec.separated) pool = separated_values(spec, random);
  std::vector<Tensor> inputs;
  for (const Input& input : spec.inputs) {
    switch (input.dtype) {
      case DType::i64:
        inputs.push_back(integer_input<std::int64_t>(input, random));
        break;
      case DType::i32:
        inputs.push_back(integer_input<std::int32_t>(input, random));
        break;
      case DType::u32:
        inputs.push_back(integer_input<std::uint32_t>(input, random));
        break;
      case DType::boolean: {
        std::vector<bool> values(input.shape.size());
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = random() % 2 == 0;
        inputs.push_back(tensor(values, input.shape));
        break;
      }
      default: {
        std::vector<double> values(input.shape.size());
        for (double& v : values) {
          v = spec.separated ? pool.back() : draw(input, random);
          if (spec.separated) pool.pop_back();
        }
        inputs.push_back(tensor<double>(values, input.shape));
      }
    }
  }
  return inputs;
}

std::vector<Tensor> at_integers(const Spec& spec, const std::vector<Tensor>& inputs) {
  if (spec.separated || spec.sample) return inputs;
  constexpr double kMargin = 0.02;  // differences must not leave the domain
  std::vector<Tensor> result = inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = spec.inputs[i];
    if (input.dtype != DType::f64) continue;
    std::vector<double> values = inputs[i].to_vector<double>();
    for (double& v : values) {
      const double integer = std::round(v);
      if (integer - kMargin >= input.low && integer + kMargin <= input.high && keeps_away(input, integer))
        v = integer;
    }
    result[i] = tensor<double>(values, input.shape);
  }
  return result;
}

std::vector<Tensor> converted(const Spec& spec, const std::vector<Tensor>& inputs, DType dtype) {
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    result.push_back(spec.inputs[i].dtype == DType::f64 ? cast(inputs[i], dtype).detach() : inputs[i]);
  return result;
}

std::vector<std::size_t> differentiable_inputs(const Spec& spec) {
  std::vector<std::size_t> slots;
  for (std::size_t i = 0; i < spec.inputs.size(); ++i)
    if (is_floating(spec.inputs[i].dtype) && spec.inputs[i].differentiable && !spec.nondifferentiable)
      slots.push_back(i);
  return slots;
}

std::vector<double> elements(const Tensor& x) {
  if (x.dtype() == DType::f64) return x.to_vector<double>();
  return cast(x, DType::f64).to_vector<double>();
}

At at_sample(const Spec& spec, std::vector<Tensor> inputs) {
  At at;
  at.inputs = std::move(inputs);
  for (const std::size_t slot : differentiable_inputs(spec)) at.xs.push_back(at.inputs[slot]);
  at.y = spec.build(at.inputs);
  return at;
}

Dot dot(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape()))
    throw Error("dot: shapes " + to_string(a.shape()) + " and " + to_string(b.shape()));
  const std::vector<double> x = elements(a);
  const std::vector<double> y = elements(b);
  Dot result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    result.value += x[i] * y[i];
    result.absolute += std::abs(x[i] * y[i]);
  }
  return result;
}

void expect_close(Failures& failures, const std::string& what, const std::vector<double>& got,
                  const std::vector<double>& expected, double tolerance) {
  if (got.size() != expected.size()) {
    failures.push_back(what + ": " + std::to_string(got.size()) + " elements, expected " +
                       std::to_string(expected.size()));
    return;
  }
  double largest = 1;
  for (std::size_t i = 0; i < got.size(); ++i)
    for (const double v : {got[i], expected[i]})
      if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i]) && std::isnan(expected[i])) continue;
    if (got[i] == expected[i] || std::abs(got[i] - expected[i]) <= tolerance * largest) continue;
    failures.push_back(what + ": element " + std::to_string(i) + " is " + number(got[i]) + ", expected " +
                       number(expected[i]) + ", largest magnitude " + number(largest));
    return;
  }
}

void expect_close(Failures& failures, const std::string& what, const Tensor& got, const Tensor& expected,
                  double tolerance) {
  if (!(got.shape() == expected.shape())) {
    failures.push_back(what + ": shape " + to_string(got.shape()) + ", expected " +
                       to_string(expected.shape()));
    return;
  }
  expect_close(failures, what, elements(got), elements(expected), tolerance);
}

void expect_close(Failures& failures, const std::string& what, const std::optional<Tensor>& got,
                  const std::optional<Tensor>& expected, double tolerance) {
  if (!got && !expected) return;
  expect_close(failures, what, got ? *got : zeros_like(*expected), expected ? *expected : zeros_like(*got),
               tolerance);
}

void expect_dot(Failures& failures, const std::string& what, const Dot& a, const Dot& b, double tolerance) {
  if (std::abs(a.value - b.value) <= tolerance * std::max(a.absolute, b.absolute)) return;
  failures.push_back(what + ": " + number(a.value) + " against " + number(b.value) +
                     ", sum of absolute terms " + number(std::max(a.absolute, b.absolute)));
}

std::optional<Tensor> forward(const Tensor& y, const std::vector<Tensor>& xs,
                              const std::vector<Tensor>& dxs) {
  return jvp(std::span(&y, 1), xs, dxs)[0];
}

std::vector<std::optional<Tensor>> reverse(const Tensor& y, const std::vector<Tensor>& xs, const Tensor& ct) {
  return vjp(std::span(&y, 1), xs, std::span(&ct, 1));
}

}  // namespace nabla::spec
