#pragma once

#include <cstdint>
#include <filesystem>

namespace nabla::mnist_classifier {

/// What a run of the program is asked to do.
struct Options {
  std::filesystem::path data = "data/mnist";
  std::filesystem::path out = "out/mnist_classifier";
  std::uint64_t seed = 0;
  std::int64_t epochs = 8;
  std::int64_t batch = 128;
  std::int64_t width = 16;  ///< half of the channels of the first convolutions, a fourth of those of the last
  double learning_rate = 4e-3;
  double weight_decay = 0.05;
  double ema = 0.998;
  double dropout = 0.3;                 ///< of the features, in training
  int threads = 0;                      ///< 0: all that the machine offers
  std::int64_t checkpoint_every = 200;  ///< steps
  bool resume = false;                  ///< go on from the checkpoint in `out`
};

}  // namespace nabla::mnist_classifier
