#include "examples/gmm_oracle/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "engine/engine.h"
#include "uncertainty/uncertainty.h"

namespace nabla::gmm_oracle {
namespace {

using report::Colour;

constexpr std::int64_t kSide = 340;  // pixels
constexpr double kReach = 3.4;       // the picture shows [-reach, reach] in both directions
constexpr std::int64_t kPoints = 400;
constexpr std::array<Colour, 4> kColours = {
    Colour{0x1f, 0x6f, 0xb5}, {0xd6, 0x5f, 0x1f}, {0x2b, 0x8a, 0x4b}, {0x8a, 0x4f, 0xa8}};

class Canvas {
 public:
  Canvas() : image_{kSide, kSide, std::vector<std::uint8_t>(3 * kSide * kSide, 255)} {}

  // Draws a dot of `radius` pixels over what is there, `cover` of it.
  void dot(double x, double y, double radius, const Colour& colour, double cover) {
    const double column = (x + kReach) / (2 * kReach) * kSide, row = (kReach - y) / (2 * kReach) * kSide;
    const auto first = [&](double at) { return static_cast<std::int64_t>(std::floor(at - radius)); };
    const std::int64_t width = static_cast<std::int64_t>(2 * radius) + 2;
    for (std::int64_t i = first(row); i <= first(row) + width; ++i)
      for (std::int64_t j = first(column); j <= first(column) + width; ++j)
        if (std::hypot(static_cast<double>(i) + .5 - row, static_cast<double>(j) + .5 - column) <= radius)
          blend(i, j, colour, cover);
  }

  void shade(std::int64_t row, std::int64_t column, double share) {
    blend(row, column, {0x30, 0x34, 0x3c}, share);
  }

  report::Image take() { return std::move(image_); }

 private:
  void blend(std::int64_t row, std::int64_t column, const Colour& colour, double cover) {
    if (row < 0 || row >= kSide || column < 0 || column >= kSide) return;
    for (std::size_t i = 0; i < 3; ++i) {
      std::uint8_t& value = image_.rgb[static_cast<std::size_t>(3 * (row * kSide + column)) + i];
      value = static_cast<std::uint8_t>(std::lround((1 - cover) * value + cover * colour[i]));
    }
  }

  report::Image image_;
};

void draw_density(Canvas& canvas, const Mixture& mixture) {
  const Tensor place = (iota(kSide, DType::f64) + .5) * (2 * kReach / kSide) - kReach;
  const Shape plane{kSide, kSide};
  const Tensor x = broadcast_to(insert_axes(place, {-2}), plane),
               y = broadcast_to(insert_axes(-place, {-1}), plane);
  const Tensor density = mixture.density(reshape(stack({x, y}, -1), Shape{kSide * kSide, 2}));
  const Tensor share = sqrt(density / reduce_max(density)) * .55;
  const std::vector<double> shares = share.to_vector<double>();
  for (std::int64_t i = 0; i < kSide * kSide; ++i) canvas.shade(i / kSide, i % kSide, shares[i]);
}

}  // namespace

report::Image posterior_picture(const Mixture& mixture, const flow::AffinePath& path, const Tensor& x,
                                double t, const Tensor& key, Points points) {
  const Tensor time = flow::shared_time(t, DType::f64);
  const flow::TimedField v = [&](const Tensor& at, const Tensor& now) {
    return mixture.field().velocity(at, now);
  };
  const uncertainty::Posterior p = uncertainty::posterior(v, path, x, time);
  const std::int64_t count = x.shape()[0];
  const Tensor drawn = points == Points::exact ? mixture.posterior_draws(key, kPoints, x, time)
                                               : p.samples(key, kPoints).values;
  const EigenPairs axes = p.eigenpairs(2);
  const Tensor roots = sqrt(max(axes.values, 0));

  Canvas canvas;
  draw_density(canvas, mixture);
  const std::vector<double> places = drawn.to_vector<double>();
  const std::vector<double> centre = p.mean().to_vector<double>();
  const std::vector<double> noisy = (x / path.a(time)).to_vector<double>();
  const std::vector<double> vectors = axes.vectors.to_vector<double>(), lengths = roots.to_vector<double>();
  for (std::int64_t b = 0; b < count; ++b) {
    const std::size_t at = b;
    const Colour& colour = kColours[at % kColours.size()];
    for (std::int64_t i = 0; i < kPoints; ++i) {
      const std::size_t place = 2 * static_cast<std::size_t>(i * count + b);
      canvas.dot(places[place], places[place + 1], 1.1, colour, .55);
    }
    for (const double deviations : {1., 2.})
      for (int i = 0; i < 900; ++i) {
        const double angle = 2 * std::numbers::pi * i / 900;
        const double u = deviations * std::cos(angle) * lengths[2 * at];
        const double w = deviations * std::sin(angle) * lengths[2 * at + 1];
        const std::size_t second = 2 * static_cast<std::size_t>(count) + 2 * at;
        canvas.dot(centre[2 * at] + u * vectors[2 * at] + w * vectors[second],
                   centre[2 * at + 1] + u * vectors[2 * at + 1] + w * vectors[second + 1], .8, colour, 1);
      }
    for (int i = 0; i < 200; ++i) {
      const double angle = 2 * std::numbers::pi * i / 200;
      const double radius = 5 * 2 * kReach / kSide;
      canvas.dot(noisy[2 * at] + radius * std::cos(angle), noisy[2 * at + 1] + radius * std::sin(angle), .8,
                 colour, 1);
    }
  }
  return canvas.take();
}

}  // namespace nabla::gmm_oracle
