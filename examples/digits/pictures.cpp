#include "examples/digits/pictures.h"

#include <algorithm>

#include "engine/engine.h"

namespace nabla::digits {
namespace {

// Screen pixels for a pixel of a digit; two pictures fit beside each other.
constexpr std::int64_t kSampleScale = 4;
constexpr std::int64_t kMapScale = 5;

report::GridStyle gray(double reach, std::int64_t columns, std::int64_t scale) {
  return {.low = -reach, .high = reach, .columns = columns, .upscale = scale, .gap = scale};
}

report::Image below(const report::Image& top, const report::Image& bottom) {
  report::Image joined = top;
  joined.height += bottom.height;
  joined.rgb.insert(joined.rgb.end(), bottom.rgb.begin(), bottom.rgb.end());
  return joined;
}

std::vector<double> row(const Tensor& images, std::int64_t number) {
  return cast(images[number], DType::f64).to_vector<double>();
}

void append(std::vector<double>& tiles, const std::vector<double>& tile) {
  tiles.insert(tiles.end(), tile.begin(), tile.end());
}

}  // namespace

Picture generated_picture(const Results& results) {
  return {"samples", report::image_grid(results.generated_samples, kSide, kSide, gray(1, 8, kSampleScale))};
}

Picture real_picture(const Results& results) {
  return {"real", report::image_grid(results.real_samples, kSide, kSide, gray(1, 8, kSampleScale))};
}

std::vector<Picture> map_pictures(const Results& results) {
  std::vector<Picture> pictures;
  const std::int64_t columns = static_cast<std::int64_t>(results.maps.size()) + 1;
  const std::int64_t digits = static_cast<std::int64_t>(results.map_digits.size()) / kPixels;
  for (std::int64_t digit = 0; digit < digits; ++digit) {
    std::vector<double> noisy, mean, deviation;
    for (const PosteriorMaps& maps : results.maps) {
      append(noisy, row(maps.noisy, digit));
      append(mean, row(maps.mean, digit));
      append(deviation, row(maps.deviation, digit));
    }
    const auto clean = results.map_digits.begin() + digit * kPixels;
    noisy.insert(noisy.end(), clean, clean + kPixels);
    mean.insert(mean.end(), clean, clean + kPixels);
    deviation.resize(mean.size(), 0.0);
    report::GridStyle heat = gray(1, columns, kMapScale);
    heat.low = 0;
    heat.high = kBrightestDeviation;
    heat.map = report::ColourMap::inferno;
    const report::Image image =
        below(below(report::image_grid(noisy, kSide, kSide, gray(2, columns, kMapScale)),
                    report::image_grid(mean, kSide, kSide, gray(1, columns, kMapScale))),
              report::image_grid(deviation, kSide, kSide, heat));
    pictures.push_back({"posterior_" + std::to_string(digit + 1), image});
  }
  return pictures;
}

}  // namespace nabla::digits
