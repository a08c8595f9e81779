#pragma once

#include <string>
#include <vector>

#include "examples/when_it_breaks/control.h"
#include "examples/when_it_breaks/options.h"

namespace nabla::when_it_breaks {

/// Everything that a run found out.
struct Results {
  Options options;
  std::vector<Control> controls;
  double seconds = 0;

  /// Every control is as wrong as predicted, refused, and seen by a check; the sound one passes all.
  bool passed() const;
};

/// Measures all controls, with progress on stderr. The numbers depend on the seed alone.
Results run(const Options& options);

/// Writes report.html and metrics.json to the run's directory. @throws Error if they cannot be written.
void write_outputs(const Results& results);
/// The content of metrics.json.
std::string metrics_json(const Results& results);

}  // namespace nabla::when_it_breaks
