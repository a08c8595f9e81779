#pragma once

#include "tests/spec/spec.h"

// Shorthand for writing rows.

namespace nabla::spec {

inline Tensor f64(const std::vector<double>& values, const Shape& shape) {
  return tensor<double>(values, shape);
}
inline Tensor i64(const std::vector<std::int64_t>& values, const Shape& shape) {
  return tensor<std::int64_t>(values, shape);
}
/// An f64 argument sampled from the default domain.
inline Input real(const Shape& shape, double low = -2, double high = 2) {
  return {.shape = shape, .low = low, .high = high};
}
/// Indices 0 <= i < extent.
inline Input indices(const Shape& shape, std::int64_t extent) {
  return {.shape = shape, .low = 0, .high = static_cast<double>(extent), .dtype = DType::i64};
}
inline Input boolean(const Shape& shape) { return {.shape = shape, .dtype = DType::boolean}; }

using Args = const std::vector<Tensor>&;

/// A row without cases.
inline Spec row(const std::string& primitive, const std::string& label, Builder build,
                std::vector<Input> inputs, bool analytic = true) {
  return {.primitive = primitive,
          .label = label,
          .build = std::move(build),
          .inputs = std::move(inputs),
          .analytic = analytic};
}

}  // namespace nabla::spec
