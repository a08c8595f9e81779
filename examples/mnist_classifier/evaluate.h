#pragma once

#include <cstdint>
#include <vector>

#include "examples/mnist_classifier/dataset.h"
#include "examples/mnist_classifier/network.h"

namespace nabla::mnist_classifier {

/// What a network makes of one image that it misreads.
struct Misread {
  std::int64_t image;  ///< its place in the set
  int label;
  int read_as;
  double probability;  ///< that the network gives to what it reads
};

struct Evaluation {
  std::int64_t images = 0;
  double loss = 0;  ///< mean cross entropy, without smoothing
  std::vector<std::int64_t>
      confusion;                 ///< [kClasses, kClasses]: how many of a label (row) are read as a class
  std::vector<Misread> misread;  ///< the surest first
  double accuracy() const;
};

/// Reads all images as they are.
Evaluation evaluate(const Classifier& network, const Images& images);

}  // namespace nabla::mnist_classifier
