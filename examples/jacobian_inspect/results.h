#pragma once

#include <string>
#include <vector>

#include "examples/jacobian_inspect/cost.h"
#include "examples/jacobian_inspect/options.h"
#include "examples/jacobian_inspect/spectrum.h"

namespace nabla::jacobian_inspect {

/// What a run found out about one field.
struct SubjectResults {
  std::string name, title, description;  ///< as in Subject
  std::vector<SpectrumAtTime> spectrum;  ///< along time
  DivergenceCost cost;
};

/// Everything that a run found out.
struct Results {
  Options options;
  std::vector<SubjectResults> subjects;
  double seconds = 0;  ///< of the whole run
};

}  // namespace nabla::jacobian_inspect
