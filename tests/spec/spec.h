#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"

// One row per use of a primitive. From a row the checks (checks.h) generate every property that a primitive
// must have to be safe under the transforms.

namespace nabla::spec {

using Builder = std::function<Tensor(const std::vector<Tensor>&)>;

/// One argument of a row and where its samples lie.
struct Input {
  Shape shape;
  double low = -2;
  double high = 2;
  /// f64 arguments take the type under test (f64, f32, c128); every other type is kept.
  DType dtype = DType::f64;
  /// False for arguments of a floating type whose derivative is a symbolic zero.
  bool differentiable = true;
  /// Kinks and poles: samples keep this distance from them.
  std::vector<double> avoid = {};
  double distance = 0.05;
};

/// Inputs with a known answer: kinks, ties, infinities, masked rows. Empty lists are not checked.
struct Case {
  std::string label;
  std::vector<Tensor> inputs;
  std::vector<double> value;
  /// Per input: the tangent of the output along a tangent of ones, which forward mode must give.
  std::vector<std::vector<double>> along_ones = {};
  /// Per input: the cotangent of the input for a cotangent of ones, which reverse mode must give.
  std::vector<std::vector<double>> gradient = {};
  /// For pointwise rows, per input: the second derivative, which all four compositions of the modes must
  /// give.
  std::vector<std::vector<double>> second = {};
};

struct Spec {
  std::string primitive;
  std::string label;
  Builder build;
  std::vector<Input> inputs;
  /// Complex step applies: the builder is analytic, and every kernel on its way takes c128.
  bool analytic = true;
  /// All sampled elements of all floating inputs lie at least 0.02 apart (max, sort, ..: no ties).
  bool separated = false;
  /// For pointwise primitives: the value of one element in plain C++.
  std::function<double(std::span<const double>)> scalar = nullptr;
  /// Replaces sampling from the domains of the inputs.
  std::function<std::vector<Tensor>(std::uint64_t seed)> sample = nullptr;
  /// Between results that differ by rounding only, relative to the largest magnitude.
  double tolerance = 1e-12;
  /// Magnitude of what may cancel inside, beyond the terms of a last sum.
  double inner_magnitude = 0;
  /// Relative to the largest magnitude; see check_numeric.cpp for what the default rests on.
  double difference_tolerance = 2e-8;
  /// f32 against f64, relative to the largest magnitude of the result.
  double f32_tolerance = 4e-6;
  bool f32 = true;
  /// False where equal inputs are near-ties that the rounding of a sum may turn either way.
  bool broadcast_views = true;
  /// The output's own dtype is not floating, or no input has a derivative.
  bool nondifferentiable = false;
  std::vector<Case> cases = {};
};

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The same row with other shapes: size-0 and size-1 axes, other broadcasts. Cases stay with the first row.
Spec reshaped(Spec spec, const std::string& label, const std::vector<Shape>& shapes);

std::string name_of(const Spec& spec);

/// Every row there is.
const std::vector<Spec>& all_rows();

std::vector<Spec> rows_pointwise_unary();
std::vector<Spec> rows_pointwise_binary();
std::vector<Spec> rows_selection();
std::vector<Spec> rows_shaping();
std::vector<Spec> rows_reduction();
std::vector<Spec> rows_contraction();
std::vector<Spec> rows_convolution();
std::vector<Spec> rows_pooling();
std::vector<Spec> rows_normalise();
std::vector<Spec> rows_attention();
std::vector<Spec> rows_indexing();
std::vector<Spec> rows_source();
std::vector<Spec> rows_arranging();
std::vector<Spec> rows_composed();
std::vector<Spec> rows_checkpoint();

}  // namespace nabla::spec
