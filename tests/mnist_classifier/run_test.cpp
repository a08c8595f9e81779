#include "examples/mnist_classifier/run.h"

#include <doctest/doctest.h>

#include <array>

#include "engine/engine.h"
#include "examples/mnist_classifier/augment.h"
#include "examples/mnist_classifier/checkpoint.h"
#include "examples/mnist_classifier/command_line.h"
#include "examples/mnist_classifier/metrics.h"
#include "examples/mnist_classifier/write_report.h"
#include "tests/mnist_classifier/stripes.h"

namespace nabla::mnist_classifier {
namespace {

Options small_run(const std::filesystem::path& data, const std::filesystem::path& out) {
  Options options;
  options.data = data;
  options.out = out;
  options.epochs = 6;
  options.batch = 32;
  options.width = 4;
  options.ema = 0.9;
  options.learning_rate = 1e-2;
  options.checkpoint_every = 7;
  return options;
}

// The metrics without times, and without the memory, which threads share.
std::string comparable(const Results& results) {
  Results same = results;
  same.training_seconds = same.test_seconds = 0;
  same.peak_bytes = 0;
  return metrics_json(same);
}

}  // namespace

TEST_CASE("a classifier learns a small set, for any number of threads alike, and leaves all its files") {
  const int threads = thread_count();
  const io::test::ScratchDirectory scratch;
  const std::filesystem::path data = stripes(scratch);
  Options options = small_run(data, scratch / "deep/out");
  options.threads = 1;
  const Results results = run(options);
  CHECK(results.losses.size() == 60);
  CHECK(results.test.images == 100);
  CHECK(results.test.accuracy() > 0.9);
  std::int64_t right = 0, all = 0;
  for (std::int64_t label = 0; label < kClasses; ++label)
    for (std::int64_t c = 0; c < kClasses; ++c) {
      const std::int64_t count = results.test.confusion[static_cast<std::size_t>(label * kClasses + c)];
      all += count;
      if (label == c) right += count;
    }
  CHECK(all == 100);
  CHECK(right == 100 - static_cast<std::int64_t>(results.test.misread.size()));
  CHECK(results.misread_images.size() == results.test.misread.size() * 784);

  options.out = scratch / "again";
  options.threads = 3;
  const Results again = run(options);
  set_thread_count(threads);
  CHECK(comparable(again) == comparable(results));
  CHECK(again.losses == results.losses);

  write_outputs(results);
  const std::filesystem::path out = results.options.out;
  for (const char* name : {"report.html", "metrics.json", "weights.safetensors", "checkpoint.safetensors"})
    CHECK(std::filesystem::file_size(out / name) > 300);
  const std::string metrics = io::test::slurp(out / "metrics.json");
  for (const char* key : {"seed", "test_accuracy", "confusion", "steps", "train_seconds", "peak_bytes"})
    CHECK(metrics.find('"' + std::string(key) + "\":") != std::string::npos);
  CHECK(metrics.find("null") == std::string::npos);
  const std::string page = io::test::slurp(out / "report.html");
  CHECK(page.find("Confusion matrix") != std::string::npos);
  CHECK(page.find("What is misread") != std::string::npos);
  CHECK(page.find(">nan") == std::string::npos);

  // The weights are those that were tested, and features come before the last layer.
  const Classifier network = read_classifier(weights_path(results.options));
  const Dataset set = read_dataset(data);
  CHECK(evaluate(network, set.test).loss == results.test.loss);
  const Tensor x = to_input(set.test.levels({range(0, 5)}));
  const Tensor features = network.features(x);
  CHECK(features.shape() == Shape{5, Classifier::kFeatures});
  for (const nn::Parameter& buffer : network.buffers()) {
    CAPTURE(buffer.name);
    const double start = buffer.name.ends_with("running_var") ? 1 : 0;
    CHECK(reduce_max(abs(buffer.cell->get() - start)).item() > 0.01);  // training has moved it
  }
  const nn::Linear head(random_key(0), Classifier::kFeatures, kClasses);
  nn::load_state(head, nn::part_of(nn::state_of(network), "head"));
  CHECK(head(features).to_vector<float>() == network(x).to_vector<float>());
}

TEST_CASE("misread images are found with their labels, the surest first") {
  const io::test::ScratchDirectory scratch;
  const Dataset set = read_dataset(stripes(scratch));
  const Options options = small_run("", "");
  const Evaluation test = evaluate(Classifier(random_key(1), options), set.test);  // knows nothing
  const std::vector<std::uint8_t> labels = set.test.labels.to_vector<std::uint8_t>();
  REQUIRE(test.misread.size() > 50);
  std::vector<std::int64_t> read(kClasses * kClasses);  // rows are labels
  for (std::size_t i = 0; i < test.misread.size(); ++i) {
    const Misread& one = test.misread[i];
    CHECK(one.label == labels[static_cast<std::size_t>(one.image)]);
    CHECK(one.read_as != one.label);
    if (i > 0) CHECK(one.probability <= test.misread[i - 1].probability);
    ++read[static_cast<std::size_t>(one.label * kClasses + one.read_as)];
  }
  for (std::size_t i = 0; i < read.size(); ++i)
    if (i / 10 != i % 10) CHECK(test.confusion[i] == read[i]);
}

TEST_CASE("shifts move every image as a whole, by every distance within reach") {
  const Tensor dot = pad(pad(ones({1, 1}, DType::u8), -1, 13, 14), -2, 13, 14);
  const Tensor shifted = shift_randomly(broadcast_to(dot, Shape{500, 28, 28}), 2, random_key(1));
  REQUIRE(shifted.shape() == Shape{500, 28, 28});
  CHECK(sum(shifted).item() == 500);
  const Tensor seen = sum(shifted, {0});
  const std::vector<std::int64_t> counts = seen.to_vector<std::int64_t>();
  for (std::int64_t y = 0; y < 28; ++y)
    for (std::int64_t x = 0; x < 28; ++x)
      CHECK((counts[static_cast<std::size_t>(y * 28 + x)] > 0) == (y >= 11 && y <= 15 && x >= 11 && x <= 15));
  // What leaves at one side does not come in at the other.
  const Tensor corner = pad(pad(ones({1, 1, 1}, DType::u8), -1, 0, 27), -2, 0, 27);
  const Tensor moved = shift_randomly(broadcast_to(corner, Shape{200, 28, 28}), 2, random_key(2));
  const std::vector<std::uint8_t> last = slice(moved, -2, 14, 28).to_vector<std::uint8_t>();
  for (const std::uint8_t level : last) CHECK(level == 0);
}

TEST_CASE("a training that goes on from its checkpoint ends with the same bytes") {
  const io::test::ScratchDirectory scratch;
  const Dataset data = read_dataset(stripes(scratch));
  Options options = small_run(scratch / "data", scratch / "out");
  options.epochs = 1;
  std::string expected;
  for (const std::int64_t stop : {0, 3, 10}) {
    Training first(data, options);
    for (std::int64_t i = 0; i < stop; ++i) first.step();
    save_checkpoint(first, options);
    Training second(data, options);
    load_checkpoint(second, options);
    CHECK(second.steps_done() == stop);
    while (!second.finished()) second.step();
    save_checkpoint(second, options);
    const std::string bytes = io::test::slurp(checkpoint_path(options));
    if (stop == 0) expected = bytes;
    CHECK(bytes == expected);
  }

  Training other(data, options);
  options.seed = 5;
  CHECK_THROWS_WITH_AS(load_checkpoint(other, options),
                       doctest::Contains("made with other data or options: seed 0 instead of 5"), Error);
  options.seed = 0;
  std::string damaged = expected;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  io::test::spill(checkpoint_path(options), damaged);
  CHECK_THROWS_WITH_AS(load_checkpoint(other, options), doctest::Contains("checkpoint.safetensors"), Error);
  CHECK(other.steps_done() == 0);
}

TEST_CASE("data that are no such images are refused by file") {
  const io::test::ScratchDirectory scratch;
  const std::filesystem::path data = stripes(scratch);
  CHECK_THROWS_WITH_AS(
      read_dataset(scratch / "nowhere"),
      doctest::Contains("has neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz"), Error);
  const auto refuses = [&](const char* file, const std::string& bytes, const char* what) {
    const std::string before = io::test::slurp(data / file);
    io::test::spill(data / file, bytes);
    CHECK_THROWS_WITH_AS(read_dataset(data), doctest::Contains(what), Error);
    io::test::spill(data / file, before);
  };
  refuses("t10k-images-idx3-ubyte", idx_bytes({2, 27, 28}, std::string(2 * 27 * 28, 0)),
          "t10k-images-idx3-ubyte: [2, 27, 28] u8 are not images [n, 28, 28] u8");
  refuses("t10k-labels-idx1-ubyte", idx_bytes({99}, std::string(99, 0)),
          "t10k-labels-idx1-ubyte: [99] u8 are not 100 labels u8");
  std::string ten(100, 0);
  ten[41] = 10;
  refuses("t10k-labels-idx1-ubyte", idx_bytes({100}, ten), "label 42 is 10, not 0 to 9");
  CHECK(read_dataset(data).test.count() == 100);
  Options options = small_run(data, scratch / "out");
  options.batch = 321;
  CHECK_THROWS_WITH_AS(run(options), "batches: 320 samples fill no batch of 321", Error);
}

TEST_CASE("weights of something else are refused by file") {
  const io::test::ScratchDirectory scratch;
  Options options = small_run("", scratch / "out");
  const Classifier network(random_key(1), options);
  options.width = 5;
  save_weights(network, options);
  CHECK_THROWS_WITH_AS(read_classifier(weights_path(options)),
                       doctest::Contains("weights.safetensors': module: "), Error);
  options.width = 0;
  save_weights(network, options);
  CHECK_THROWS_WITH_AS(read_classifier(weights_path(options)), doctest::Contains("does not say what network"),
                       Error);
}

TEST_CASE("the command line is checked before anything runs") {
  const auto code = [](std::string option, std::string value) {
    std::array<std::string, 3> words{"mnist_classifier", std::move(option), std::move(value)};
    std::array<char*, 3> argv{words[0].data(), words[1].data(), words[2].data()};
    Options options;
    const auto refusal = parse_command_line(words[2].empty() ? 2 : 3, argv.data(), options);
    return refusal ? refusal->exit_code : -1;
  };
  CHECK(code("--epochs", "3") == -1);
  CHECK(code("--help", "") == 0);
  CHECK(code("--epochs", "0") == 2);
  CHECK(code("--batch", "1") == 2);
  CHECK(code("--dropout", "1") == 2);
  CHECK(code("--ema", "1") == 2);
  CHECK(code("--colour", "blue") == 2);
}

}  // namespace nabla::mnist_classifier
