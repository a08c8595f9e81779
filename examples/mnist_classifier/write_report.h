#pragma once

#include "examples/mnist_classifier/results.h"

namespace nabla::mnist_classifier {

/// Writes report.html, metrics.json and misread.png into the output directory. @throws Error if it cannot.
void write_outputs(const Results& results);

}  // namespace nabla::mnist_classifier
