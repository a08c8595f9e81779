#pragma once

#include <cmath>
#include <complex>

// Complex functions, which complex steps are taken with. Speed does not matter here.

namespace nabla::cpu {

using Complex = std::complex<double>;

inline Complex exp(Complex x) { return std::exp(x); }
inline Complex log(Complex x) { return std::log(x); }
inline Complex sin(Complex x) { return std::sin(x); }
inline Complex cos(Complex x) { return std::cos(x); }
inline Complex tanh(Complex x) { return std::tanh(x); }
inline Complex sigmoid(Complex x) { return 1.0 / (1.0 + std::exp(-x)); }
inline Complex sech(Complex x) { return 1.0 / std::cosh(x); }
inline Complex gaussian(Complex x) { return std::exp(-0.5 * x * x); }

// The standard library has no complex expm1 and log1p; near 0 these keep what a complex step needs.
inline Complex expm1(Complex x) {
  const double s = std::sin(0.5 * x.imag());
  const double growth = std::expm1(x.real());
  return {growth - 2 * s * s * (growth + 1), std::exp(x.real()) * std::sin(x.imag())};
}
inline Complex log1p(Complex x) {
  return {0.5 * std::log1p(x.real() * (2 + x.real()) + x.imag() * x.imag()),
          std::atan2(x.imag(), 1 + x.real())};
}
/// erf along a complex step: f(a + ib) = f(a) + ib f'(a), exact to the order that the step resolves.
inline Complex erf(Complex x) {
  return {std::erf(x.real()), x.imag() * std::exp(-x.real() * x.real()) * 1.1283791670955126};
}
inline Complex erfc(Complex x) {
  return {std::erfc(x.real()), x.imag() * std::exp(-x.real() * x.real()) * -1.1283791670955126};
}
inline Complex normal_cdf(Complex x) { return 0.5 * erfc(-0.70710678118654752 * x); }
inline Complex logaddexp(Complex a, Complex b) { return b + log1p(std::exp(a - b)); }
inline Complex pow(Complex a, Complex b) {
  if (a == 0.0) return b == 0.0 ? 1.0 : 0.0;  // std::pow gives NaN
  return std::pow(a, b);
}

}  // namespace nabla::cpu
