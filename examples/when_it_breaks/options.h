#pragma once

#include <cstdint>
#include <filesystem>

namespace nabla::when_it_breaks {

/// What a run of the program is asked to do.
struct Options {
  std::filesystem::path out = "out/when_it_breaks";
  std::uint64_t seed = 0;
  std::int64_t samples = 4000;  ///< held-out data of each control
  int threads = 0;              ///< 0: all that the machine offers
};

}  // namespace nabla::when_it_breaks
