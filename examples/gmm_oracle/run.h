#pragma once

#include <vector>

#include "examples/gmm_oracle/measure.h"
#include "examples/gmm_oracle/options.h"
#include "examples/report/report.h"

namespace nabla::gmm_oracle {

/// Everything that a run found out.
struct Results {
  Options options;
  std::vector<PathErrors> errors;                             ///< for each dimension and path
  Skewness skewness;                                          ///< in two dimensions, on the linear path
  std::vector<report::Figure> exact_points, gaussian_points;  ///< pictures, one for each shown time
  double seconds = 0;

  bool passed() const;
};

/// Measures everything, with progress on stderr. The numbers depend on the seed alone.
Results run(const Options& options);

/// Writes report.html and metrics.json to the run's directory. @throws Error if they cannot be written.
void write_outputs(const Results& results);
/// The content of metrics.json.
std::string metrics_json(const Results& results);

}  // namespace nabla::gmm_oracle
