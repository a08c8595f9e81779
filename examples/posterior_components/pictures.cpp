#include "examples/posterior_components/pictures.h"

#include <algorithm>
#include <cmath>

#include "engine/engine.h"
#include "examples/digits/dataset.h"

namespace nabla::posterior_components {
namespace {

constexpr std::int64_t kScale = 5;  // screen pixels for a pixel of a digit
constexpr double kDeviations = 2;

std::vector<double> as_doubles(const Tensor& x) { return cast(x, DType::f64).to_vector<double>(); }

void append(std::vector<double>& tiles, const Tensor& image) {
  const std::vector<double> tile = as_doubles(image);
  tiles.insert(tiles.end(), tile.begin(), tile.end());
}

}  // namespace

std::vector<Picture> component_pictures(const Results& results) {
  const std::int64_t images = results.clean.shape()[0];
  const std::int64_t shown = std::min(kShownComponents, results.options.components);
  std::vector<Picture> pictures;
  for (std::int64_t image = 0; image < images; ++image) {
    std::vector<double> tiles;
    for (const ComponentsAtTime& at : results.times) {
      const Tensor mean = cast(at.mean[image], DType::f64);
      append(tiles, 0.5 * at.noisy[image]);
      append(tiles, mean);
      for (std::int64_t k = 0; k < shown; ++k) {
        const double variance = at.variances[image][k].item();
        const Tensor step =
            kDeviations * std::sqrt(std::max(variance, 0.0)) * cast(at.directions[k][image], DType::f64);
        append(tiles, mean - step);
        append(tiles, mean + step);
      }
      append(tiles, results.clean[image]);
    }
    const report::GridStyle style{
        .low = -1, .high = 1, .columns = 2 * shown + 3, .upscale = kScale, .gap = kScale};
    pictures.push_back({"components_" + std::to_string(image + 1),
                        report::image_grid(tiles, digits::kSide, digits::kSide, style)});
  }
  return pictures;
}

}  // namespace nabla::posterior_components
