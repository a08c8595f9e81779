#include "examples/digits/dataset.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "engine/engine.h"
#include "io/atomic_file.h"
#include "tests/io/scratch.h"

namespace nabla::digits {
namespace {

// Images that tell their number and class by their first pixels.
Images numbered(std::int64_t count) {
  std::vector<float> levels;
  Images images;
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<float> image(kPixels, 0.0F);
    image[0] = static_cast<float>(i % kLevels);
    image[1] = static_cast<float>(i / kLevels);
    levels.insert(levels.end(), image.begin(), image.end());
    images.labels.push_back(static_cast<int>(i % 7 % kClasses));
  }
  images.levels = tensor(levels, Shape{count, kPixels});
  return images;
}

std::vector<int> numbers(const Images& images) {
  std::vector<int> found;
  const std::vector<float> levels = images.levels.to_vector<float>();
  for (std::int64_t i = 0; i < images.count(); ++i)
    found.push_back(static_cast<int>(levels[i * kPixels] + kLevels * levels[i * kPixels + 1]));
  return found;
}

}  // namespace

TEST_CASE("a stratified split holds out exactly as many as asked, class by class, and loses none") {
  const Images images = numbered(250);
  const Split split = stratified_split(images, 41, random_key(1));
  CHECK(split.held_out.count() == 41);
  CHECK(split.training.count() == 209);
  std::vector<int> all = numbers(split.training);
  const std::vector<int> held_out = numbers(split.held_out);
  all.insert(all.end(), held_out.begin(), held_out.end());
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == static_cast<int>(i));
  std::array<int, kClasses> sizes{};
  for (std::size_t i = 0; i < held_out.size(); ++i) {
    CHECK(split.held_out.labels[i] == images.labels[held_out[i]]);
    ++sizes[split.held_out.labels[i]];
  }
  for (std::size_t c = 0; c < 7; ++c) CHECK((sizes[c] == 5 || sizes[c] == 6));
  CHECK(numbers(stratified_split(images, 41, random_key(1)).held_out) == held_out);
  CHECK(numbers(stratified_split(images, 41, random_key(2)).held_out) != held_out);
  CHECK_THROWS_WITH_AS(stratified_split(images, 250, random_key(1)), doctest::Contains("250 of 250"), Error);
}

TEST_CASE("dequantised levels fill [-1, 1), and their moments are known") {
  const Images images = numbered(289);
  const Moments moments = pixel_moments(images);
  const Tensor many =
      dequantise(broadcast_to(insert_axes(images.levels, {-3}), Shape{40, 289, kPixels}), random_key(3));
  CHECK(reduce_min(many).item() >= -1);
  CHECK(reduce_max(many).item() < 1);
  CHECK(reduce_max(abs(mean(many, {0, 1}) - moments.mean)).item() < 0.02);
  CHECK(reduce_max(abs(var(many, {0, 1}) - moments.variance)).item() < 0.005);
}

TEST_CASE("files that do not hold digits are refused, naming file and place") {
  const io::test::ScratchDirectory scratch;
  const auto message = [&](const std::string& text) -> std::string {
    io::write_file(scratch / "digits.csv", text);
    try {
      read_images(scratch / "digits.csv");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  std::string row;
  for (std::int64_t i = 0; i < kPixels; ++i) row += std::to_string(i % kLevels) + ",";
  CHECK(message(row + "3\n" + row + "9\n") == "");
  CHECK(message("1,2,3\n4,5,6\n").find("2 rows of 3 numbers") != std::string::npos);
  CHECK(message(row + "3\n" + row + "10\n").find("row 2, column 65") != std::string::npos);
  CHECK(message(row + "3\n" + "17" + row.substr(1) + "1\n").find("row 2, column 1") != std::string::npos);
  CHECK(message(row + "3\n" + "0.5" + row.substr(1) + "1\n").find("is not an integer from 0 to 16") !=
        std::string::npos);
}

}  // namespace nabla::digits
