#include "examples/digits/dataset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <string>

#include "engine/engine.h"
#include "engine/tensor/number_text.h"
#include "io/crc32.h"
#include "io/csv.h"

namespace nabla::digits {
namespace {

constexpr std::int64_t kHeldOut = 297;

Images pick(const Images& images, const std::vector<std::int64_t>& rows) {
  Images picked{take(images.levels, tensor(rows, Shape{static_cast<std::int64_t>(rows.size())})).detach(),
                {}};
  for (const std::int64_t row : rows) picked.labels.push_back(images.labels[row]);
  return picked;
}

// Levels and labels fit a byte each.
std::string checksum(const Images& images) {
  std::vector<std::uint8_t> bytes(images.labels.begin(), images.labels.end());
  for (const float level : images.levels.to_vector<float>())
    bytes.push_back(static_cast<std::uint8_t>(level));
  return io::Crc32().add(std::as_bytes(std::span(bytes))).digits();
}

// How many of each class to hold out: in proportion, and by the largest remainders until the sum is right.
std::array<std::int64_t, kClasses> quotas(const std::array<std::int64_t, kClasses>& sizes,
                                          std::int64_t count) {
  const std::int64_t total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  std::array<std::int64_t, kClasses> quota;
  std::array<std::size_t, kClasses> order;
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t c = 0; c < sizes.size(); ++c) quota[c] = sizes[c] * count / total;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return sizes[a] * count % total > sizes[b] * count % total;
  });
  const std::int64_t missing = count - std::accumulate(quota.begin(), quota.end(), std::int64_t{0});
  for (std::size_t i = 0; i < static_cast<std::size_t>(missing); ++i) ++quota[order[i]];
  return quota;
}

}  // namespace

Images read_images(const std::filesystem::path& path) {
  const io::NumericTable table = io::read_csv(path);
  const auto refuse = [&](const std::string& what) { throw Error(path.string() + ": " + what); };
  if (table.columns != kPixels + 1 || table.rows < 2)
    refuse(std::to_string(table.rows) + " rows of " + std::to_string(table.columns) +
           " numbers; expected at least 2 of " + std::to_string(kPixels + 1) + " (64 pixels and a label)");
  Images images;
  std::vector<float> levels;
  for (std::int64_t row = 0; row < table.rows; ++row) {
    const double* values = table.values.data() + row * table.columns;
    for (std::int64_t i = 0; i <= kPixels; ++i) {
      const double limit = static_cast<double>(i < kPixels ? kLevels : kClasses);
      if (values[i] != std::floor(values[i]) || values[i] < 0 || values[i] >= limit)
        refuse("row " + std::to_string(row + 1) + ", column " + std::to_string(i + 1) + ": " +
               number_text(values[i]) + " is not an integer from 0 to " +
               std::to_string(static_cast<int>(limit) - 1));
    }
    levels.insert(levels.end(), values, values + kPixels);
    images.labels.push_back(static_cast<int>(values[kPixels]));
  }
  images.levels = tensor(levels, Shape{table.rows, kPixels});
  return images;
}

Split stratified_split(const Images& images, std::int64_t count, const Tensor& key) {
  if (count < 1 || count >= images.count())
    throw Error("stratified_split: " + std::to_string(count) + " of " + std::to_string(images.count()) +
                " images cannot be held out");
  std::array<std::int64_t, kClasses> sizes{};
  for (const int label : images.labels) ++sizes[label];
  std::array<std::int64_t, kClasses> left = quotas(sizes, count);
  std::vector<std::int64_t> training;
  std::vector<std::int64_t> held_out;
  const Tensor order = permutation(key, images.count());
  for (const std::int64_t row : order.data<std::int64_t>()) {
    std::int64_t& quota = left[images.labels[row]];
    (quota > 0 ? held_out : training).push_back(row);
    if (quota > 0) --quota;
  }
  return {pick(images, training), pick(images, held_out)};
}

Split split_of_run(const Images& images, std::uint64_t seed) {
  return stratified_split(images, kHeldOut, split(random_key(seed), 1)[0]);
}

std::string describe(const Split& split) {
  return std::to_string(split.training.count()) + " images to train on (" + checksum(split.training) + "), " +
         std::to_string(split.held_out.count()) + " held out (" + checksum(split.held_out) + ")";
}

Tensor dequantise(const Tensor& levels, const Tensor& key) {
  return (levels + uniform(key, levels.shape(), levels.dtype())) * (2.0 / kLevels) - 1;
}

Moments pixel_moments(const Images& images) {
  const Tensor levels = cast(images.levels, DType::f64);
  constexpr double kScale = 2.0 / kLevels;
  const Tensor centre = (mean(levels, {0}) + 0.5) * kScale - 1;
  const Tensor variance = (var(levels, {0}) + 1.0 / 12) * (kScale * kScale);
  return {cast(centre, DType::f32).detach(), cast(variance, DType::f32).detach()};
}

}  // namespace nabla::digits
