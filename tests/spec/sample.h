#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/spec/spec.h"

// Samples of a row's inputs and the comparisons that all checks share.

namespace nabla::spec {

using Failures = std::vector<std::string>;
using Random = std::mt19937_64;

/// Uniform in [low, high), the same on every platform (std::uniform_real_distribution is not), and
/// representable in f32, so that casts of samples are exact.
double uniform(Random& random, double low, double high);
/// f64 tensor with elements uniform in [-1, 1): directions, cotangents.
Tensor direction(Random& random, const Shape& shape);

/// One set of inputs of a row: integers and bools in their own type, floating ones in f64.
std::vector<Tensor> sample_inputs(const Spec& spec, Random& random);
/// The same sample with elements of f64 inputs moved to the nearest integer, where their domain has it:
/// zeros, ones and equal numbers, which random ones never are. Rows that ask for distinct values are left
/// alone.
std::vector<Tensor> at_integers(const Spec& spec, const std::vector<Tensor>& inputs);
/// The same values with all f64 inputs converted.
std::vector<Tensor> converted(const Spec& spec, const std::vector<Tensor>& inputs, DType dtype);
/// Positions of the differentiable inputs.
std::vector<std::size_t> differentiable_inputs(const Spec& spec);

/// The elements as f64, whatever real type they have (real parts of c128).
std::vector<double> elements(const Tensor& x);

/// What the checks differentiate: a row's output at fresh leaves.
struct At {
  std::vector<Tensor> inputs;  ///< all
  std::vector<Tensor> xs;      ///< the differentiable ones
  Tensor y;
};
At at_sample(const Spec& spec, std::vector<Tensor> inputs);

/// sum(a * b) in f64 and the sum of absolute terms.
struct Dot {
  double value = 0;
  double absolute = 0;
  Dot& operator+=(const Dot& other) {
    value += other.value;
    absolute += other.absolute;
    return *this;
  }
};
Dot dot(const Tensor& a, const Tensor& b);

/// Adds to `failures` where shapes differ or an element is off by more than tolerance * max(1, largest
/// magnitude). Equal infinities and NaN beside NaN pass.
void expect_close(Failures& failures, const std::string& what, const Tensor& got, const Tensor& expected,
                  double tolerance);
void expect_close(Failures& failures, const std::string& what, const std::vector<double>& got,
                  const std::vector<double>& expected, double tolerance);
/// nullopt counts as zeros.
void expect_close(Failures& failures, const std::string& what, const std::optional<Tensor>& got,
                  const std::optional<Tensor>& expected, double tolerance);
void expect_dot(Failures& failures, const std::string& what, const Dot& a, const Dot& b, double tolerance);

/// Low-level derivatives of one output: nullopt for a symbolic zero.
std::optional<Tensor> forward(const Tensor& y, const std::vector<Tensor>& xs, const std::vector<Tensor>& dxs);
std::vector<std::optional<Tensor>> reverse(const Tensor& y, const std::vector<Tensor>& xs, const Tensor& ct);

}  // namespace nabla::spec
