#pragma once

#include <string>

#include "examples/digits/results.h"

namespace nabla::digits {

/// The numbers of a run as JSON text.
std::string metrics_json(const Results& results);

}  // namespace nabla::digits
