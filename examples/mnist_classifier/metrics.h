#pragma once

#include <string>

#include "examples/mnist_classifier/results.h"

namespace nabla::mnist_classifier {

/// The numbers of a run as JSON.
std::string metrics_json(const Results& results);

}  // namespace nabla::mnist_classifier
