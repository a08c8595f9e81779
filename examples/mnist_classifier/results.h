#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "examples/mnist_classifier/evaluate.h"
#include "examples/mnist_classifier/options.h"

namespace nabla::mnist_classifier {

/// Everything that a run found out.
struct Results {
  Options options;
  std::int64_t training_images = 0;
  std::int64_t parameters = 0;
  std::int64_t steps_per_epoch = 0;
  std::int64_t resumed_at = 0;         ///< steps that an earlier run had done
  std::vector<double> losses;          ///< of every step
  Evaluation test;                     ///< of the averaged network
  std::vector<double> misread_images;  ///< [n, 28, 28], gray levels of test.misread
  double training_seconds = 0;         ///< in this run, checkpoints included
  double test_seconds = 0;
  std::size_t peak_bytes = 0;
};

}  // namespace nabla::mnist_classifier
