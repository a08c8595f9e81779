#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "engine/engine.h"

// Shorthand of the engine's tests.

namespace nabla::test {

inline Tensor f64(const std::vector<double>& values, const Shape& shape) {
  return tensor<double>(values, shape);
}
inline Tensor i64(const std::vector<std::int64_t>& values, const Shape& shape) {
  return tensor<std::int64_t>(values, shape);
}
inline std::vector<double> values(const Tensor& x) { return cast(x, DType::f64).to_vector<double>(); }

inline Tensor random_normal(const Shape& shape, std::uint64_t seed, DType dtype = DType::f64) {
  return normal(random_key(seed), shape, dtype).detach();
}

/// 0, 1, .. scaled, as a tensor of this shape.
inline Tensor counting(const Shape& shape, double scale = 1) {
  return reshape(iota(shape.size(), DType::f64) * scale, shape);
}

/// The largest difference between two tensors of one shape; infinite where the shapes differ.
inline double distance(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape())) return std::numeric_limits<double>::infinity();
  const std::vector<double> x = values(a);
  const std::vector<double> y = values(b);
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    largest = std::isnan(x[i] - y[i]) ? std::numeric_limits<double>::infinity()
                                      : std::max(largest, std::abs(x[i] - y[i]));
  return largest;
}

/// The message of the Error that f throws; empty if it throws none.
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace nabla::test
