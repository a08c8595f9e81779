#pragma once

#include <string>
#include <vector>

#include "examples/jacobian_inspect/options.h"
#include "flow/flow.h"

namespace nabla::jacobian_inspect {

/// A velocity field of the linear path, and clean samples for it to see behind noise.
struct Subject {
  std::string name;         ///< of its entry in metrics.json
  std::string title;        ///< in the legend of a chart
  std::string description;  ///< sentences for the report
  flow::TimedField velocity;
  Tensor data;  ///< [n, D], in the type that the field takes
};

/// The network of the plane, that of the digits, and the exact field of the digits that the latter was
/// trained on, in f64. The clean digits are held-out ones. Trains what has to be trained, with progress on
/// stderr.
/// @throws Error if the data cannot be read, or the checkpoint is none of the digits example.
std::vector<Subject> make_subjects(const Options& options);

}  // namespace nabla::jacobian_inspect
