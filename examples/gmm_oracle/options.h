#pragma once

#include <cstdint>
#include <filesystem>

namespace nabla::gmm_oracle {

/// What a run of the program is asked to do.
struct Options {
  std::filesystem::path out = "out/gmm_oracle";
  std::uint64_t seed = 0;
  std::int64_t samples = 16;  ///< noisy samples at each time
  std::int64_t draws = 2000;  ///< from each posterior
  int threads = 0;            ///< 0: all that the machine offers
};

}  // namespace nabla::gmm_oracle
