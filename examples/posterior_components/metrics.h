#pragma once

#include <string>

#include "examples/posterior_components/results.h"

namespace nabla::posterior_components {

/// The numbers of a run as JSON text.
std::string metrics_json(const Results& results);

}  // namespace nabla::posterior_components
