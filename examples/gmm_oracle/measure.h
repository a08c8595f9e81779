#pragma once

#include <functional>
#include <string>
#include <vector>

#include "examples/gmm_oracle/mixture.h"

namespace nabla::gmm_oracle {

/// How far one member of a posterior is from its closed form, for each time.
struct MemberErrors {
  std::string member;
  /// Largest over samples and elements, relative to what a rounding error becomes in exact arithmetic.
  std::vector<double> errors;
  double bound = 0;

  double worst() const;
  bool passed() const { return worst() <= bound; }  ///< not for NaN
};

/// A mixture on one path.
struct PathErrors {
  std::string path;
  std::int64_t dimension = 0;
  std::vector<MemberErrors> members;
};

extern const std::vector<double> kTimes;

/// Every member at every time, at `samples` noisy samples. `step` is told after each time.
PathErrors measure_errors(const Mixture& mixture, const flow::AffinePath& path, const Tensor& key,
                          std::int64_t samples, std::int64_t draws, const std::function<void()>& step);

/// The skewness of single posteriors along their first principal axis over time.
struct Skewness {
  std::vector<double> times;
  std::vector<std::vector<double>> computed, exact;  ///< for each sample
};
Skewness measure_skewness(const Mixture& mixture, const flow::AffinePath& path, const Tensor& key,
                          std::int64_t samples);

}  // namespace nabla::gmm_oracle
