#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/autodiff/jacobian/jacobian.h"
#include "engine/spectral/linear_operator.h"
#include "engine/spectral/spectrum.h"
#include "flow/field.h"
#include "flow/field_metadata.h"
#include "flow/path.h"
#include "uncertainty/preconditions.h"

// What a velocity field says about the data behind a noisy sample x_t = a x1 + s x0 with x0 ~ N(0, k^2 I):
// with J = dv/dx and w = a' s - a s',
//   m = E[x1 | x_t]   = (s v - s' x) / w,
//   S = Cov(x1 | x_t) = k^2 s^2 (s J - s' I) / (a w),
// on the linear path with k = 1 m = x + (1-t) v and S = ((1-t)^2 / t)(I + (1-t) J) (arXiv 2605.00941 for the
// linear path). The law of x1 given x_t is an exponential family in x_t, whose natural parameter is
// c x_t with c = a / (k^2 s^2): derivatives of m by x_t are its cumulants, times c for each.
//
// This holds for the conditional mean velocity of a normal source coupled independently to the data. It does
// not hold for minibatch optimal transport or reflow pairs, for guided fields, for other sources, nor for the
// average velocity u(x, t, r) with r != t; metadata of the field are checked for that. S is the spread of the
// data given x_t under the model (aleatoric), for a class-conditional field given the class too. An error of
// J reaches it multiplied by k^2 s^3 / (a w), about 97 at t = .01 and 7 at .1, so form it in f32 or f64.

namespace nabla::uncertainty {

struct PosteriorOptions {
  double source_scale = 1;  ///< k of the source N(0, k^2 I)
  /// What is known of the field, such as what a checkpoint says; checked where it is given.
  std::optional<flow::FieldMetadata> metadata = std::nullopt;
  /// What becomes of a field that they contradict: posterior() refuses it and validity_report() warns, unless
  /// this says otherwise.
  std::optional<Preconditions> preconditions = std::nullopt;
  JacobianOptions jacobian = {};
};

/// Draws from N(m, S), and what had to be left out of S to draw them.
struct PosteriorSamples {
  Tensor values;  ///< [n, B, *S]
  /// sum |negative eigenvalues| / sum |all eigenvalues| of the symmetrised S of each sample, what was
  /// clipped: a leaf [B] f64.
  Tensor clipped_mass;
};

/// A log determinant and what had to be left out of it.
struct PosteriorLogDeterminant {
  Tensor value;     ///< a leaf [B] f64; -infinity where nothing is left
  Tensor left_out;  ///< how many eigenvalues of each sample were left out: a leaf [B] i64
};

/// The posterior of the data behind noisy samples x [B, *S] with D elements each. Making one computes
/// nothing. Its members build expressions, and run the field to do so, when they are called; what they share
/// is one node. Those that differentiate the field throw Error where it mixes samples.
class Posterior {
 public:
  /// m = E[x1 | x_t]: [B, *S].
  Tensor mean() const;
  /// tr S by the exact divergence: [B].
  Tensor trace() const;
  /// The diagonal of S, one variance per element: [B, *S].
  Tensor variance() const;
  /// S as the field gives it, not symmetrised: [B, D, D].
  Tensor covariance() const;
  /// A = dm/dx = (s J - s' I) / w, on the linear path I + (1-t) J: [B, D, D]. Symmetric and without negative
  /// eigenvalues for an exact field; S is k^2 s^2 / a times A.
  Tensor mean_jacobian() const;
  /// S times vectors [*L, B, *S] (extents of the batch may be 1: shared by all samples), without forming S,
  /// by one forward derivative for all: [*L, B, *S].
  Tensor apply(const Tensor& vectors) const;
  /// S and S^T as an operator, for what needs products alone; the field is run once, here.
  LinearOperator covariance_operator() const;
  /// The `count` largest eigenvalues of each sample's (S + S^T) / 2 and their vectors, the posterior's
  /// principal components, by products alone (see top_eigenpairs, whose other options hold); leaves.
  EigenPairs eigenpairs(std::int64_t count, SpectrumOptions options = {}) const;
  /// `n` draws from N(m, S) for each sample: they have the posterior's mean and covariance, not its law. S is
  /// symmetrised and factored on the host in f64, D^3 operations a sample; negative eigenvalues, which an
  /// exact field does not have, count as 0, and how much that clips is returned. m is an expression, the
  /// factor a leaf.
  /// @throws Error if n < 0 or S holds a NaN or an infinity.
  PosteriorSamples samples(const Tensor& key, std::int64_t n) const;
  /// log det of the symmetrised S on the space where the field tells it, by the eigenvalues on the host. Left
  /// out are those at or below `floor` times the largest, in magnitude: they are errors, of rounding or of
  /// the field, whose sign means nothing, and one of them would make of the whole noise or -infinity. Compare
  /// only determinants that leave out as many. @throws Error for a floor outside of [0, 1), or if S holds a
  /// NaN or an infinity.
  PosteriorLogDeterminant log_determinant(double floor = 1e-6) const;
  /// E[(e . (x1 - m))^3 | x_t] for directions e [*L, B, *S] (extents of the batch may be 1): [*L, B], by the
  /// second derivative of the field along e: (1/c)^2 (s/w) e . d^2v[e, e]. For a unit vector e, divided by
  /// (e . S e)^(3/2) it is the skewness along e. An error of the second derivative reaches it multiplied by
  /// k^4 s^5 / (a^2 w).
  Tensor third_moment(const Tensor& directions) const;
  /// k s / a, the standard deviation of the noise in x_t / a = x1 + noise: [B or 1, 1, ..] of x's rank.
  Tensor noise_level() const;

  /// Why S may mean nothing, where Preconditions::warn let the field pass; else empty.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  friend Posterior posterior(const flow::TimedField&, const flow::AffinePath&, const Tensor&, const Tensor&,
                             const PosteriorOptions&);
  friend Posterior posterior(const flow::AverageField&, const flow::AffinePath&, const Tensor&, const Tensor&,
                             const Tensor&, const PosteriorOptions&);
  // The path's numbers at the times of x, with x's rank and an extent of 1 on every axis but the first.
  struct AtTime {
    Tensor s, s_rate, wronskian;
    Tensor noise_level;  // k s / a
    Tensor spread;       // 1/c = k^2 s^2 / a
  };

  Posterior(flow::TimedField v, const flow::AffinePath& path, const Tensor& x, const Tensor& t,
            const PosteriorOptions& options, std::vector<std::string> reasons);
  Field at_fixed_time() const;

  flow::TimedField v_;
  Tensor x_;
  Tensor t_;
  AtTime at_;
  JacobianOptions jacobian_;
  std::vector<std::string> warnings_;
};

/// x [B, *S]; t [B, 1], or better [1, 1] when all share one, strictly between 0 and 1.
/// @throws Error for times that do not fit or lie outside (0, 1), for a source_scale that is not positive,
/// and, with its reasons, for a field whose metadata contradict the identity. Where t depends on the variable
/// of a transform (vmap or a derivative by time) it has no elements yet, and its range is not checked: a time
/// outside (0, 1) then gives values that mean nothing.
Posterior posterior(const flow::TimedField& v, const flow::AffinePath& path, const Tensor& x, const Tensor& t,
                    const PosteriorOptions& options = {});

/// The same of an average velocity u(x, t, r), which tells a posterior where r = t alone: other r are
/// refused, or with Preconditions::warn noted, like metadata. @throws Error also where t and r cannot be
/// compared because they depend on the variable of a transform and are not the same; flow::instantaneous
/// needs no r.
Posterior posterior(const flow::AverageField& u, const flow::AffinePath& path, const Tensor& x,
                    const Tensor& t, const Tensor& r, const PosteriorOptions& options = {});

}  // namespace nabla::uncertainty
