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

report::GridStyle heat(std::int64_t columns) {
  report::GridStyle style = gray(1, columns, kMapScale);
  style.low = 0;
  style.high = kBrightestDeviation;
  style.map = report::ColourMap::inferno;
  return style;
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

std::vector<Picture> sample_pictures(const Results& results) {
  const report::GridStyle style = gray(1, 8, kSampleScale);
  std::vector<Picture> pictures{
      {"real", report::image_grid(results.real_images, kSide, kSide, style), "Real: held-out digits."}};
  for (const SamplerResult& sampler : results.samples.samplers)
    pictures.push_back({"samples_" + sampler.name, report::image_grid(sampler.shown, kSide, kSide, style),
                        sampler.label + ": " + std::to_string(sampler.evaluations) +
                            (sampler.evaluations == 1 ? " evaluation." : " evaluations.")});
  return pictures;
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
    const report::Image image =
        below(below(report::image_grid(noisy, kSide, kSide, gray(2, columns, kMapScale)),
                    report::image_grid(mean, kSide, kSide, gray(1, columns, kMapScale))),
              report::image_grid(deviation, kSide, kSide, heat(columns)));
    pictures.push_back({"posterior_" + std::to_string(digit + 1), image, ""});
  }
  return pictures;
}

Picture one_step_picture(const Results& results) {
  const OneStepMaps& maps = results.one_step_maps;
  const std::int64_t columns = maps.sample.shape()[0];
  const auto grid = [&](const Tensor& images, const report::GridStyle& style) {
    return report::image_grid(cast(images, DType::f64).to_vector<double>(), kSide, kSide, style);
  };
  return {"one_step",
          below(below(grid(maps.sample, gray(1, columns, kMapScale)),
                      grid(maps.mean, gray(1, columns, kMapScale))),
                below(grid(maps.inner, heat(columns)), grid(maps.push_forward, heat(columns)))),
          ""};
}

}  // namespace nabla::digits
