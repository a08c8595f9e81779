#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "flow/coupling.h"
#include "uncertainty/posterior.h"

namespace nabla::uncertainty {

/// Where the numbers of a report count as failures. None of them proves a posterior right: the guidance of a
/// field, for one, leaves its Jacobian symmetric, and an optimal coupling can pass the calibration at one
/// time.
struct ValidityLimits {
  /// Of the symmetry defect. What makes A = dm/dx asymmetric is error, and an error without a preference
  /// has about as large a symmetric part, which stays in S: the defect estimates the relative error of S, and
  /// a quarter is where its single elements stop to mean much.
  double symmetry_defect = 0.25;
  /// Of the negative mass. samples() clips that share away: at a twentieth the trace of what they are
  /// drawn from is a tenth too large.
  double negative_mass = 0.05;
  /// Of the calibration ratio and its reciprocal: a factor of 1.25 in variance is 12% in standard deviation.
  /// Only what also lies calibration_errors standard errors away from 1 is a failure; of few samples, whose
  /// standard error is uncertain itself, as many more as Student's t asks for the same chance. One sample
  /// tells nothing.
  double calibration = 1.25;
  double calibration_errors = 4;
  /// Of the factor by which an error of J reaches S. At 20, on the linear path at t = .046, an error of J of
  /// 1% of its part -I/(1-t) is a fifth of the variance of data with unit variance.
  double amplification = 20;
};

struct ValidityOptions {
  /// How noise is drawn for the data. Empty: independently, from N(0, source_scale^2 I).
  flow::Coupling coupling = nullptr;
  /// How many of the data have their matrices A formed; all count for the calibration.
  std::int64_t matrices = 64;
  ValidityLimits limits = {};
  /// Of the posterior.
  PosteriorOptions posterior = {};
  /// Called with the times that are done, after each; where it says false the report ends there.
  std::function<bool(std::size_t done, std::size_t all)> progress = nullptr;
};

/// What a field's posterior turns out to be at one time. Ratios are of sums over all samples: where the
/// posterior of a sample has collapsed, a ratio of its own would be one of rounding errors.
struct ValidityRow {
  double t = 0;
  double symmetry_defect = 0;    ///< |A - A^T|_F / |A + A^T|_F of A = dm/dx
  double negative_mass = 0;      ///< of the eigenvalues of A
  double amplification = 0;      ///< k^2 s^3 / (a w), on the linear path (1-t)^3 / t
  double calibration = 0;        ///< E|x1 - m|^2 / E tr S: 1 is right
  double calibration_error = 0;  ///< its standard error, with the ratio linearised; NaN of one sample
  bool asymmetric = false;       ///< symmetry_defect is over its limit
  bool negative = false;         ///< negative_mass is over its limit
  bool miscalibrated = false;    ///< calibration is outside of its limits by more than chance
  bool amplified = false;        ///< amplification is over its limit: S is at the mercy of small errors

  bool passed() const { return !asymmetric && !negative && !miscalibrated && !amplified; }
  /// Names the flags that are set, with commas between them; empty if none is.
  std::string flags() const;
};

struct ValidityReport {
  std::vector<ValidityRow> rows;      ///< one for each time that was measured
  std::vector<std::string> warnings;  ///< what metadata say against the identity

  /// No flag and no warning.
  bool passed() const;
};

/// Measures at each time whether the posterior of a field can be believed: what needs no data (symmetry,
/// negative eigenvalues, amplification), and the calibration on data x1 [n, *S] that the field was not
/// trained on, noised by keys folded out of `key`.
/// @throws Error where posterior() does, and for no data or options.matrices < 1.
ValidityReport validity_report(const flow::TimedField& v, const flow::AffinePath& path, const Tensor& x1,
                               const Tensor& key, std::span<const double> times,
                               const ValidityOptions& options = {});

/// The report as a table of text with the names of the flags, and the warnings below.
std::string to_text(const ValidityReport& report);

}  // namespace nabla::uncertainty
