#pragma once

#include "flow/path.h"

namespace nabla::flow {

/// The field that flow matching would learn from a finite data set without any error: in closed form, with
/// its posterior. It needs no training and serves as the oracle for what is derived from a field's Jacobian.
///   w_i(x, t) = softmax_i( -|x - a(t) x_i|^2 / (2 s(t)^2) ),  m = sum_i w_i x_i,  S = sum_i w_i
///   (x_i-m)(x_i-m)^T.
/// Times are inside (0, 1), of shape [B, 1] or [1, 1]; x is [B, D]. Rounding acts as if the data were moved
/// by about one unit in the last place of the largest of them, an outlier's too: those of f32 are worked on
/// in f64, which has room for the squares of their digits, in values and in derivatives; for f64 exponents
/// are formed relative to a data point near x / a, by differences. Jacobians are products with the data,
/// which lose about |x_i - mean|^2 / s^2 times the precision of f64: late times are no concern. Takes memory
/// for [B, n] in f64.
class EmpiricalField {
 public:
  /// data [n, D], floating. @throws Error if it is empty or of another rank.
  explicit EmpiricalField(const Tensor& data, AffinePath path = linear_path());

  /// The posterior weights of the data points: [B, n].
  Tensor weights(const Tensor& x, const Tensor& t) const;
  /// The marginal velocity: [B, D].
  Tensor velocity(const Tensor& x, const Tensor& t) const;
  /// m = E[x1 | x_t = x]: [B, D].
  Tensor posterior_mean(const Tensor& x, const Tensor& t) const;
  /// S = Cov(x1 | x_t = x): [B, D, D].
  Tensor posterior_covariance(const Tensor& x, const Tensor& t) const;
  /// tr S: [B].
  Tensor posterior_trace(const Tensor& x, const Tensor& t) const;
  /// 1 / sum_i w_i^2, between 1 and n: [B].
  Tensor effective_sample_size(const Tensor& x, const Tensor& t) const;

 private:
  Tensor wide_weights(const Tensor& x, const Tensor& t) const;  // f64
  Tensor wide_mean(const Tensor& x, const Tensor& t) const;     // f64

  AffinePath path_;
  DType dtype_;  // of the data
  // f64:
  Tensor centre_;      // [1, D], the mean of the data
  Tensor centred_;     // [n, D], relative to it: products lose fewer digits
  Tensor transposed_;  // [D, n]
  Tensor half_norms_;  // [1, n], |x_i|^2 / 2 of the centred data
};

}  // namespace nabla::flow
