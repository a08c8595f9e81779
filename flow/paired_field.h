#pragma once

#include "flow/path.h"

namespace nabla::flow {

/// The field of flow matching for any coupling of noise and data, without any error: pairs (x0_i, x1_i),
/// drawn alike, whose noise is blurred by h, x0 = x0_i + h e with e ~ N(0, I). In closed form with its
/// posterior:
///   w_i(x, t) = softmax_i( -|x - a x1_i - s x0_i|^2 / (2 s^2 h^2) ),  m = sum_i w_i x1_i,
///   S = sum_i w_i (x1_i - m)(x1_i - m)^T,  dm/dx = (1 / (s^2 h^2)) Cov_w(x1, a x1 + s x0).
/// So the Jacobian tells S + (s/a) Cov_w(x1, x0), up to the factor a / (s^2 h^2), and S alone where x0 and x1
/// are independent given x_t: with x0_i = 0 this is the field of a source N(0, h^2 I). Times are inside (0,
/// 1), of shape [B, 1] or [1, 1]; x is [B, D]. Rounding is that of EmpiricalField: pairs of f32 are worked on
/// in f64, exponents of f64 are formed relative to a pair near x, by differences.
class PairedField {
 public:
  /// x0 and x1 [n, D], floating, and h > 0. @throws Error where they do not fit.
  PairedField(const Tensor& x0, const Tensor& x1, double blur, AffinePath path = linear_path());

  /// The posterior weights of the pairs: [B, n].
  Tensor weights(const Tensor& x, const Tensor& t) const;
  /// The marginal velocity: [B, D].
  Tensor velocity(const Tensor& x, const Tensor& t) const;
  /// m = E[x1 | x_t = x]: [B, D].
  Tensor posterior_mean(const Tensor& x, const Tensor& t) const;
  /// S = Cov(x1 | x_t = x): [B, D, D].
  Tensor posterior_covariance(const Tensor& x, const Tensor& t) const;

 private:
  Tensor wide_weights(const Tensor& x, const Tensor& t) const;  // f64
  Tensor wide_mean(const Tensor& x, const Tensor& t) const;     // f64

  AffinePath path_;
  double blur_;
  DType dtype_;  // of the pairs
  // f64:
  Tensor centre0_, centre1_;         // [1, D], the means
  Tensor x0_, x1_;                   // [n, D], relative to them
  Tensor half00_, half11_, half01_;  // [1, n], half of their products; of f32 alone
};

}  // namespace nabla::flow
