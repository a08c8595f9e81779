#pragma once

#include <string>

#include "examples/jacobian_inspect/results.h"

namespace nabla::jacobian_inspect {

/// The numbers of a run as JSON text.
std::string metrics_json(const Results& results);

}  // namespace nabla::jacobian_inspect
