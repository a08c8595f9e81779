#pragma once

#include <cmath>

#include "engine/backend/cpu/vector_math/complex.h"
#include "engine/backend/cpu/vector_math/erf.h"
#include "engine/backend/cpu/vector_math/exp.h"
#include "engine/backend/cpu/vector_math/log.h"
#include "engine/backend/cpu/vector_math/power.h"
#include "engine/backend/cpu/vector_math/sigmoid.h"
#include "engine/backend/cpu/vector_math/trigonometric.h"

// Elementary functions for the pointwise kernels. Those of f32 are our own, within 2 ulp of the exact value
// for every argument (tests/engine/vector_math_test.cpp), with NaN, infinity, signed zeros and subnormals as
// in C99 Annex F. They are made for loops that compilers vectorise (bits.h). f64 calls the standard library.

namespace nabla::cpu {

inline double exp(double x) { return std::exp(x); }
inline double expm1(double x) { return std::expm1(x); }
inline double log(double x) { return std::log(x); }
inline double log1p(double x) { return std::log1p(x); }
inline double sin(double x) { return std::sin(x); }
inline double cos(double x) { return std::cos(x); }
inline double tanh(double x) { return std::tanh(x); }
/// e^-|x| never overflows, so that the tail for negative x is e^x down to the subnormals.
inline double sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}
inline double erf(double x) { return std::erf(x); }
inline double pow(double x, double y) { return std::pow(x, y); }

}  // namespace nabla::cpu
