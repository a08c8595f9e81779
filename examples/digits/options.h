#pragma once

#include <cstdint>
#include <filesystem>

namespace nabla::digits {

/// What a run of the program is asked to do.
struct Options {
  std::filesystem::path data = "examples/data/digits.csv.gz";
  std::filesystem::path out = "out/digits";
  std::uint64_t seed = 0;
  std::int64_t steps = 6000;
  std::int64_t batch = 128;
  std::int64_t width = 512;
  std::int64_t layers = 3;
  double learning_rate = 2e-3;
  double weight_decay = 0.5;
  double ema = 0.999;
  int threads = 0;  ///< 0: all that the machine offers
};

}  // namespace nabla::digits
