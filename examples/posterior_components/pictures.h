#pragma once

#include <string>
#include <vector>

#include "examples/posterior_components/results.h"
#include "examples/report/image_grid.h"

namespace nabla::posterior_components {

/// Components that a picture shows, if there are as many.
inline constexpr std::int64_t kShownComponents = 3;

/// A picture of the report and the name of its PNG file without the ending.
struct Picture {
  std::string name;
  report::Image image;
};

/// One for each image. Rows: times. Columns: the noisy image at half its contrast, the posterior mean, then
/// for each component the mean less and plus two standard deviations along it, and the clean image.
std::vector<Picture> component_pictures(const Results& results);

}  // namespace nabla::posterior_components
