#pragma once

#include "examples/mnist_classifier/results.h"

namespace nabla::mnist_classifier {

/// Trains a classifier and tests it, with progress on stderr; leaves checkpoints and, at the end, the weights
/// in options.out. @throws Error if the data or a checkpoint cannot be read, or a checkpoint was made with
/// other data or options.
Results run(const Options& options);

}  // namespace nabla::mnist_classifier
