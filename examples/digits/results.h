#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "examples/digits/measure.h"
#include "examples/digits/options.h"

namespace nabla::digits {

/// Everything that a run found out.
struct Results {
  Options options;
  std::int64_t training_images = 0;
  std::int64_t held_out_images = 0;
  std::int64_t parameters = 0;
  std::vector<double> losses;  ///< per pixel, one for each step
  double final_loss = 0;       ///< mean of the last tenth of the steps
  std::vector<PosteriorMeasure> posterior;
  double identity_error = 0;
  std::vector<double> real_samples;                     ///< [n, 64]
  std::vector<double> generated_samples;                ///< [n, 64]
  std::vector<PosteriorMaps> maps;                      ///< one for each time
  std::vector<double> map_digits;                       ///< [n, 64], the clean images of the maps
  std::vector<std::pair<std::string, double>> seconds;  ///< parts of the run, in order
  std::size_t peak_bytes = 0;

  double seconds_of(const std::string& part) const;
};

}  // namespace nabla::digits
