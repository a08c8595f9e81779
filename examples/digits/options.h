#pragma once

#include <cstdint>
#include <filesystem>

namespace nabla::digits {

/// What a run of the program is asked to do. Both networks are trained with the same batch and size.
struct Options {
  std::filesystem::path data = "examples/data/digits.csv.gz";
  std::filesystem::path out = "out/digits";
  std::uint64_t seed = 0;
  std::int64_t steps = 6000;            ///< of the flow-matching network
  std::int64_t mean_flow_steps = 8000;  ///< of the MeanFlow network
  std::int64_t batch = 128;
  std::int64_t width = 512;
  std::int64_t layers = 3;
  double learning_rate = 2e-3;
  double weight_decay = 0.5;            ///< of the flow-matching network
  double mean_flow_weight_decay = 0.1;  ///< of the MeanFlow network, which has more to learn
  double averaged_weight = 0.5;         ///< of the rows with t < r in the MeanFlow loss
  double ema = 0.999;
  int threads = 0;                      ///< 0: all that the machine offers
  std::int64_t checkpoint_every = 500;  ///< steps
  bool resume = false;                  ///< go on from the checkpoints in `out`
  bool train_only = false;              ///< stop when both networks are trained
};

}  // namespace nabla::digits
