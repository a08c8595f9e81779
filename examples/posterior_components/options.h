#pragma once

#include <cstdint>
#include <filesystem>

namespace nabla::posterior_components {

/// What a run of the program is asked to do.
struct Options {
  std::filesystem::path data = "examples/data/digits.csv.gz";
  std::filesystem::path out = "out/posterior_components";
  std::filesystem::path checkpoint;  ///< of the digits example; empty: a smaller network is trained here
  std::uint64_t seed = 0;
  std::int64_t steps = 2000;    ///< of that training
  std::int64_t components = 8;  ///< of each posterior, the largest first
  std::int64_t digits = 10;     ///< held-out digits that are looked at, class after class
  int threads = 0;              ///< 0: all that the machine offers
};

}  // namespace nabla::posterior_components
