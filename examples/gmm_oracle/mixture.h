#pragma once

#include <cstdint>

#include "flow/flow.h"

namespace nabla::gmm_oracle {

/// A Gaussian mixture on a path, with what flow::GaussianMixtureField does not have of its posterior. x [B,
/// D], t [1, 1], in f64.
class Mixture {
 public:
  /// `components` of equal weight in `dimension` dimensions, drawn from `key`.
  Mixture(const Tensor& key, std::int64_t components, std::int64_t dimension, const flow::AffinePath& path);

  const flow::GaussianMixtureField& field() const { return field_; }
  std::int64_t dimension() const { return means_.shape()[1]; }
  /// Data: [count, D].
  Tensor data(const Tensor& key, std::int64_t count) const;
  /// The density of the data: [B].
  Tensor density(const Tensor& x1) const;
  /// E[(e . (x1 - m))^3 | x_t = x] for directions e [B, D]: [B].
  Tensor third_moment(const Tensor& x, const Tensor& t, const Tensor& e) const;
  /// Draws from the law of x1 given x_t = x: [n, B, D].
  Tensor posterior_draws(const Tensor& key, std::int64_t n, const Tensor& x, const Tensor& t) const;

 private:
  struct Components {
    Tensor means;      // of x1 given x_t and the component: [B, C, D]
    Tensor variances;  // [1, C, D]
  };
  Components posterior_components(const Tensor& x, const Tensor& t) const;

  flow::AffinePath path_;
  Tensor means_;      // [C, D]
  Tensor variances_;  // [C, D]
  flow::GaussianMixtureField field_;
};

}  // namespace nabla::gmm_oracle
