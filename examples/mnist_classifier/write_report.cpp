#include "examples/mnist_classifier/write_report.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "examples/mnist_classifier/metrics.h"
#include "examples/report/device.h"
#include "examples/report/number.h"
#include "examples/report/report.h"
#include "io/atomic_file.h"
#include "io/png.h"

namespace nabla::mnist_classifier {
namespace {

using report::fixed;
using report::number;

constexpr std::size_t kShownMisread = 60;

std::string command(const Options& options) {
  return "mnist_classifier --seed " + std::to_string(options.seed) + " --epochs " +
         std::to_string(options.epochs) + " --batch " + std::to_string(options.batch) + " --width " +
         std::to_string(options.width) + " --learning-rate " + number(options.learning_rate) +
         " --weight-decay " + number(options.weight_decay) + " --ema " + number(options.ema, 6) +
         " --dropout " + number(options.dropout);
}

std::string percent(double share, int decimals = 2) { return fixed(100 * share, decimals) + " %"; }

report::Image picture_of(std::span<const double> levels) {
  return report::image_grid(levels, kSide, kSide, {.high = 255, .upscale = 2, .gap = 0});
}

void add_confusion(report::Report& page, const Evaluation& test) {
  page.heading("What is read as what");
  std::vector<std::string> header{"label"};
  for (std::int64_t c = 0; c < kClasses; ++c) header.push_back("read as " + std::to_string(c));
  header.push_back("right");
  std::vector<std::vector<std::string>> rows;
  for (std::int64_t label = 0; label < kClasses; ++label) {
    const auto counts = test.confusion.begin() + label * kClasses;
    std::vector<std::string> row{std::to_string(label)};
    std::int64_t all = 0;
    for (std::int64_t c = 0; c < kClasses; ++c) {
      row.push_back(std::to_string(counts[c]));
      all += counts[c];
    }
    row.push_back(all > 0 ? fixed(100 * static_cast<double>(counts[label]) / static_cast<double>(all), 2)
                          : "–");
    rows.push_back(row);
  }
  page.table(header, rows, "Confusion matrix of the test images; the last column in percent.");
}

void add_misread(report::Report& page, const Results& results) {
  const std::vector<Misread>& misread = results.test.misread;
  page.heading("What is misread");
  if (misread.empty()) return page.paragraph("No test image is misread.");
  const std::size_t shown = std::min(kShownMisread, misread.size());
  page.paragraph(
      std::to_string(misread.size()) + " of " + std::to_string(results.test.images) +
      " test images are misread" +
      (shown < misread.size()
           ? "; these are the " + std::to_string(shown) + " of whose reading the network is surest."
           : ", the surest readings first.") +
      " Below each stand its label, what it is read as with what probability, and its place in the "
      "set.");
  std::vector<report::Figure> figures;
  for (std::size_t i = 0; i < shown; ++i) {
    const Misread& one = misread[i];
    figures.push_back(
        {picture_of(std::span(results.misread_images).subspan(i * kSide * kSide, kSide * kSide)),
         std::to_string(one.label) + " read as " + std::to_string(one.read_as) + ", " +
             fixed(one.probability, 2) + "; image " + std::to_string(one.image)});
  }
  page.figures(figures);
}

void add_training(report::Report& page, const Results& results) {
  page.heading("Training");
  const Options& options = results.options;
  page.paragraph(
      "A convolutional network with " + number(static_cast<double>(results.parameters), 6) +
      " parameters: four convolutions, two of them with stride 2, each with a batch norm and a relu, and two "
      "linear layers. " +
      std::to_string(options.epochs) + " epochs of " +
      number(static_cast<double>(results.training_images), 6) + " images in batches of " +
      std::to_string(options.batch) +
      ", every image moved by up to two pixels in each direction; AdamW with a learning rate that rises and "
      "falls "
      "along a cosine; what is tested is a moving average of the weights. The test images are read once, "
      "when "
      "training is over.");
  report::LineChart chart{"step", "cross entropy", {}};
  const std::size_t window = std::max<std::size_t>(1, results.losses.size() / 200);
  report::Series mean{"mean over " + std::to_string(window) + " steps", {}, {}};
  for (std::size_t i = 0; i + window <= results.losses.size(); i += window) {
    double total = 0;
    for (std::size_t j = i; j < i + window; ++j) total += results.losses[j];
    mean.x.push_back(static_cast<double>(i) + 0.5 * static_cast<double>(window + 1));
    mean.y.push_back(total / static_cast<double>(window));
  }
  chart.series.push_back(mean);
  page.chart(chart, "Of each batch as it is trained on; smoothed labels keep it above zero.");
}

}  // namespace

void write_outputs(const Results& results) {
  const Evaluation& test = results.test;
  const std::filesystem::path& out = results.options.out;
  io::write_file(out / "metrics.json", metrics_json(results));
  if (!test.misread.empty()) {
    const report::Image all =
        report::image_grid(results.misread_images, kSide, kSide, {.high = 255, .upscale = 2});
    io::write_png(out / "misread.png", all.width, all.height, 3, all.rgb);
  }
  report::Report page("A classifier of images in ten classes");
  page.paragraph(
      "What a small convolutional network learns in minutes on a processor, and what it misreads.");
  const double accuracy = test.accuracy();
  page.facts(
      {{"test accuracy", percent(accuracy)},
       {"standard error", percent(std::sqrt(accuracy * (1 - accuracy) / static_cast<double>(test.images)))},
       {"misread", std::to_string(test.misread.size())},
       {"training", report::duration(results.training_seconds)}});
  add_confusion(page, test);
  add_misread(page, results);
  add_training(page, results);
  page.footer(report::with_device(command(results.options)));
  page.write(out / "report.html");
}

}  // namespace nabla::mnist_classifier
