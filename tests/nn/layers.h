#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "nn/module.h"
#include "nn/state.h"

// Shorthand of the tests of layers.

namespace nabla::nn {

/// Names, shapes and types as a file has them: "weight [4, 2, 3] f32".
inline std::vector<std::string> listed(const Module& module) {
  std::vector<std::string> result;
  for (const NamedTensor& entry : state_of(module))
    result.push_back(entry.name + " " + to_string(entry.value.shape()) + " " +
                     std::string(name_of(entry.value.dtype())));
  return result;
}

inline void check_close(const Tensor& found, const std::vector<double>& expected, double tolerance = 1e-13) {
  const std::vector<double> got = cast(found, DType::f64).to_vector<double>();
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CAPTURE(got[i]);
    CAPTURE(expected[i]);
    CHECK(std::abs(got[i] - expected[i]) <= tolerance * (1 + std::abs(expected[i])));
  }
}

/// Entries spread evenly over [-bound, bound]: none lies outside, the largest and smallest are near the ends,
/// and the second moment is that of such numbers.
inline void check_uniform(const Tensor& x, double bound) {
  const std::vector<double> values = cast(x, DType::f64).to_vector<double>();
  double low = 0, high = 0, squares = 0;
  for (const double v : values) low = std::min(low, v), high = std::max(high, v), squares += v * v;
  CHECK(high <= bound * (1 + 1e-6));
  CHECK(low >= -bound * (1 + 1e-6));
  CHECK(high > 0.9 * bound);
  CHECK(low < -0.9 * bound);
  CHECK(squares / static_cast<double>(values.size()) == doctest::Approx(bound * bound / 3).epsilon(0.15));
}

/// The gradient of the sum of squares of what the module makes, by every parameter, is what moving a
/// parameter a little shows.
inline void check_gradients(const Module& module, const std::function<Tensor()>& output) {
  const LossAndGradients result =
      value_and_grad(module, [&]() -> std::vector<Tensor> { return {sum(square(output() - 0.5))}; });
  evaluate(result.gradients);
  constexpr double kStep = 1e-5;
  for (std::size_t p = 0; p < module.parameters().size(); ++p) {
    Cell& cell = *module.parameters()[p].cell;
    CAPTURE(module.parameters()[p].name);
    const Tensor start = cell.get();
    const std::vector<double> gradient = result.gradients[p].to_vector<double>();
    for (std::size_t i = 0; i < gradient.size(); i += 1 + gradient.size() / 7) {
      const auto shifted = [&](double step) {
        std::vector<double> values = start.to_vector<double>();
        values[i] += step;
        cell.assign(tensor(values, start.shape()));
        return sum(square(output() - 0.5)).item();
      };
      const double difference = (shifted(kStep) - shifted(-kStep)) / (2 * kStep);
      CAPTURE(i);
      CHECK(gradient[i] == doctest::Approx(difference).epsilon(1e-6).scale(0.1));
    }
    cell.assign(start);
  }
}

}  // namespace nabla::nn
