#pragma once

#include <cstdint>
#include <filesystem>

namespace nabla::jacobian_inspect {

/// What a run of the program is asked to do.
struct Options {
  std::filesystem::path data = "examples/data/digits.csv.gz";
  std::filesystem::path out = "out/jacobian_inspect";
  std::filesystem::path checkpoint;  ///< of the digits example; empty: a small network is trained here
  std::uint64_t seed = 0;
  std::int64_t steps = 800;   ///< of each training
  std::int64_t samples = 24;  ///< at which the Jacobians are taken, at every time
  std::int64_t batch = 64;    ///< samples of the divergences that are timed
  double seconds = 0.2;       ///< for which each way to a divergence is timed
  int threads = 0;            ///< 0: all that the machine offers
};

}  // namespace nabla::jacobian_inspect
