#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <string>

#include "engine/engine.h"
#include "examples/digits/checkpoint.h"
#include "examples/digits/run.h"
#include "io/safetensors.h"
#include "tests/io/scratch.h"

namespace nabla::digits {
namespace {

Options small_training(const std::filesystem::path& out) {
  Options options;
  options.data = NABLAFLOW_DIGITS;
  options.out = out;
  options.steps = options.mean_flow_steps = 7;
  options.batch = 8;
  options.width = 12;
  options.layers = 1;
  options.checkpoint_every = 3;
  options.train_only = true;
  return options;
}

struct SmallTraining {
  SmallTraining(Kind kind, const Options& options)
      : SmallTraining(kind, options, split_of_run(read_images(options.data), options.seed)) {}
  SmallTraining(Kind kind, const Options& options, Split with)
      : data(std::move(with)),
        training(kind, pixel_moments(data.training), data, options, random_key(1), random_key(2)) {}
  void advance(std::int64_t steps) {
    for (std::int64_t i = 0; i < steps; ++i) training.step();
  }
  Split data;
  Training training;
};

std::string damaged(const std::string& bytes, std::size_t at) {
  std::string copy = bytes;
  copy[at] = static_cast<char>(copy[at] ^ 16);
  return copy;
}

}  // namespace

TEST_CASE("a training that goes on from its checkpoint ends with the same bytes") {
  for (const Kind kind : {Kind::flow_matching, Kind::mean_flow}) {
    CAPTURE(name_of(kind));
    const io::test::ScratchDirectory scratch;
    const Options options = small_training(scratch / "out");
    const std::filesystem::path file = checkpoint_path(options, kind);
    SmallTraining whole(kind, options);
    whole.advance(7);
    save_checkpoint(whole.training, options);
    const std::string expected = io::test::slurp(file);

    for (const std::int64_t stop : {0, 1, 5, 7}) {
      SmallTraining first(kind, options);
      first.advance(stop);
      save_checkpoint(first.training, options);
      SmallTraining second(kind, options);
      CHECK(load_checkpoint(second.training, options));
      CHECK(second.training.steps_done() == stop);
      second.advance(7 - stop);
      save_checkpoint(second.training, options);
      CHECK(io::test::slurp(file) == expected);
    }
  }
}

TEST_CASE("a checkpoint says what the field is, and holds all that training needs") {
  const io::test::ScratchDirectory scratch;
  const Options options = small_training(scratch / "out");
  SmallTraining small(Kind::mean_flow, options);
  small.advance(2);
  save_checkpoint(small.training, options);
  const io::Safetensors file = io::read_safetensors(checkpoint_path(options, Kind::mean_flow));
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"path", "linear"},
                                    {"source", "standard_normal"},
                                    {"coupling", "independent"},
                                    {"guidance", "none"},
                                    {"data_low", "-1"},
                                    {"data_high", "1"},
                                    {"seed", "0"},
                                    {"step", "2"},
                                    {"network", "mean_flow"},
                                    {"linear_weights", "[outputs, inputs]"}})
    CHECK(file.metadata.at(name) == value);
  for (const char* name : {"model.layers.0.weight", "adam.first.layers.0.weight",
                           "adam.second.layers.0.weight", "adam.steps", "adam.options.beta1",
                           "ema.layers.0.weight", "ema.steps", "ema.options.decay", "key", "losses.averaged"})
    CHECK_NOTHROW(nn::entry("test", file.tensors, name));
}

TEST_CASE("a checkpoint of other options, of another seed or with damage is refused, by file and place") {
  const io::test::ScratchDirectory scratch;
  const Options options = small_training(scratch / "out");
  SmallTraining small(Kind::flow_matching, options);
  CHECK_FALSE(load_checkpoint(small.training, options));  // there is none
  small.advance(2);
  save_checkpoint(small.training, options);
  const std::filesystem::path path = checkpoint_path(options, Kind::flow_matching);

  Options other = options;
  other.batch = 9;
  other.learning_rate = 1e-4;
  CHECK_THROWS_WITH_AS(load_checkpoint(small.training, other),
                       doctest::Contains("batch 8 instead of 9, learning_rate 0.002"), Error);
  Training foreign(Kind::flow_matching, pixel_moments(small.data.training), small.data, options,
                   random_key(1), random_key(3));
  CHECK_THROWS_WITH_AS(load_checkpoint(foreign, options), doctest::Contains("the saved key"), Error);

  // One of square weights in the other layout would load.
  io::Safetensors old = io::read_safetensors(path);
  old.metadata.erase("linear_weights");
  io::write_safetensors(path, old);
  CHECK_THROWS_WITH_AS(load_checkpoint(small.training, options),
                       doctest::Contains("linear_weights is missing instead of [outputs, inputs]"), Error);
  save_checkpoint(small.training, options);

  const std::string bytes = io::test::slurp(path);
  for (std::size_t at = 0; at < bytes.size(); at += 97) {
    io::test::spill(path, damaged(bytes, at));
    CHECK_THROWS_WITH_AS(load_checkpoint(small.training, options), doctest::Contains("byte"), Error);
    io::test::spill(path, bytes.substr(0, at));
    CHECK_THROWS_WITH_AS(load_checkpoint(small.training, options), doctest::Contains(path.string().c_str()),
                         Error);
  }
  // Damage that hides the checksums themselves.
  io::test::spill(path, damaged(bytes, bytes.find("crc32")));
  CHECK_THROWS_WITH_AS(load_checkpoint(small.training, options), doctest::Contains("no checksums"), Error);
  CHECK(small.training.steps_done() == 2);
}

TEST_CASE("a checkpoint of other data is refused: other pixels, labels, order or number, and another split") {
  const io::test::ScratchDirectory scratch;
  const Options options = small_training(scratch / "out");
  const Images images = read_images(options.data);
  const auto rows = [&](const std::vector<std::int64_t>& order) {
    Images picked{take(images.levels, tensor(order, Shape{static_cast<std::int64_t>(order.size())})).detach(),
                  {}};
    for (const std::int64_t row : order) picked.labels.push_back(images.labels[row]);
    return picked;
  };
  std::vector<std::int64_t> order(images.count());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  SmallTraining small(Kind::flow_matching, options, split_of_run(images, 0));
  save_checkpoint(small.training, options);
  CHECK(load_checkpoint(small.training, options));
  const auto refuses = [&](const Split& other) {
    SmallTraining foreign(Kind::flow_matching, options, other);
    CHECK_THROWS_WITH_AS(load_checkpoint(foreign.training, options),
                         doctest::Contains((", which was made with other data or options: data " +
                                            describe(small.data) + " instead of " + describe(other))
                                               .c_str()),
                         Error);
  };
  CHECK(describe(small.data).starts_with("1500 images to train on ("));

  Images inverted = images;
  inverted.levels = (16 - images.levels).detach();
  refuses(split_of_run(inverted, 0));
  Images renamed = images;
  std::swap(renamed.labels[0], renamed.labels[1]);  // 0 and 1
  Split swapped = split_of_run(images, 0);
  std::swap(swapped.held_out.labels[0], *std::ranges::find_if(swapped.held_out.labels, [&](int label) {
              return label != swapped.held_out.labels[0];
            }));
  refuses(swapped);
  refuses(split_of_run(renamed, 0));
  refuses(split_of_run(rows({order.begin(), order.begin() + 1000}), 0));
  std::swap(order[0], order[10]);  // two images of one class
  REQUIRE(images.labels[0] == images.labels[10]);
  refuses(split_of_run(rows(order), 0));
  refuses(split_of_run(images, 1));
}

TEST_CASE("a link to nothing is not taken for a missing checkpoint") {
  const io::test::ScratchDirectory scratch;
  const Options options = small_training(scratch / "out");
  SmallTraining small(Kind::flow_matching, options);
  save_checkpoint(small.training, options);
  const std::filesystem::path path = checkpoint_path(options, Kind::flow_matching);
  std::filesystem::rename(path, scratch / "elsewhere");
  std::filesystem::create_symlink(scratch / "elsewhere", path);
  CHECK(load_checkpoint(small.training, options));
  std::filesystem::remove(scratch / "elsewhere");
  CHECK_THROWS_WITH_AS(
      load_checkpoint(small.training, options),
      doctest::Contains("flow_matching.safetensors', which is a link to a file that is not there"), Error);
}

TEST_CASE("a run that is asked to resume goes on, and one that has nothing to resume from begins") {
  const io::test::ScratchDirectory scratch;
  Options options = small_training(scratch / "whole");
  CHECK_FALSE(run(options));
  Options resumed = small_training(scratch / "resumed");
  resumed.resume = true;
  CHECK_FALSE(run(resumed));
  CHECK_FALSE(run(resumed));  // all is done already
  for (const Kind kind : {Kind::flow_matching, Kind::mean_flow})
    CHECK(io::test::slurp(checkpoint_path(options, kind)) == io::test::slurp(checkpoint_path(resumed, kind)));
}

}  // namespace nabla::digits
