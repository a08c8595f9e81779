#include "examples/digits/write_report.h"

#include <algorithm>
#include <cmath>

#include "examples/digits/metrics.h"
#include "examples/report/number.h"
#include "examples/report/report.h"
#include "io/atomic_file.h"
#include "io/png.h"

namespace nabla::digits {
namespace {

using report::fixed;
using report::number;

// One line of a chart over time; times at which the value is missing are left out.
template <class Value>
report::Series over_time(const std::string& name, const Results& results, Value value,
                         report::LineStyle style = report::LineStyle::solid) {
  report::Series series{name, {}, {}, style};
  for (const PosteriorMeasure& measure : results.posterior) {
    const double y = value(measure);
    if (!std::isfinite(y)) continue;
    series.x.push_back(measure.t);
    series.y.push_back(y);
  }
  return series;
}

report::Series averaged(const std::vector<double>& values, std::size_t window) {
  report::Series series{"mean of " + std::to_string(window) + " steps", {}, {}};
  for (std::size_t start = 0; start < values.size(); start += window) {
    const std::size_t end = std::min(values.size(), start + window);
    double total = 0;
    for (std::size_t i = start; i < end; ++i) total += values[i];
    series.x.push_back(static_cast<double>(start + end) / 2);
    series.y.push_back(total / static_cast<double>(end - start));
  }
  return series;
}

void add_model(report::Report& page, const Results& results) {
  const Options& options = results.options;
  page.heading("What was trained");
  page.paragraph("A multilayer perceptron of " + number(static_cast<double>(results.parameters), 6) +
                 " parameters (" + std::to_string(options.layers) + " hidden layers of width " +
                 std::to_string(options.width) +
                 ", SiLU, a shift for time in every layer) learns the velocity field `v(x, t)` that carries "
                 "noise at t = 0 to digits at t = 1 along straight lines `x_t = t x1 + (1 - t) x0`. It sits "
                 "on top of the exact field of a Gaussian with the pixels' means and variances. Loss: "
                 "conditional flow matching at times `u^1.5` with uniform `u`, which lean towards noise; "
                 "optimizer: AdamW with warm-up, cosine decay and a moving average of the weights, " +
                 number(static_cast<double>(options.steps), 6) + " steps of " +
                 std::to_string(options.batch) + " digits.");
  page.paragraph(
      "The data are " + std::to_string(results.training_images) + " digits of 8 x 8 pixels with 17 levels; " +
      std::to_string(results.held_out_images) +
      " more, drawn at random within each class, are held out and used for every measurement below. Levels "
      "`k` become numbers by `2 (k + u) / 17 - 1` with fresh uniform noise `u` in every step.");
}

void add_loss(report::Report& page, const Results& results) {
  page.heading("Training");
  report::LineChart chart{"step", "loss per pixel", {}};
  std::vector<double> steps;
  for (std::size_t i = 0; i < results.losses.size(); ++i) steps.push_back(static_cast<double>(i + 1));
  chart.series.push_back({"each step", steps, results.losses, report::LineStyle::faint, 0});
  const std::size_t window = std::max<std::size_t>(1, results.losses.size() / 60);
  if (window > 1) {
    chart.series.push_back(averaged(results.losses, window));
    chart.series.back().colour = 0;
  }
  page.chart(chart,
             "The loss falls to the spread of the conditional velocities, not to zero: many pairs of noise "
             "and digit pass through the same point.");
}

void add_samples(report::Report& page, const Results& results) {
  page.heading("Samples");
  page.figures({{generated_picture(results).image, "Generated: 64 draws, 50 steps of Heun's method.", 1},
                {real_picture(results).image, "Real: 64 of the held-out digits.", 1}});
}

void add_maps(report::Report& page, const Results& results) {
  page.heading("What the field knows about a digit behind noise");
  page.paragraph(
      "The Jacobian `J` of the velocity gives the covariance of the clean digit given its noisy version, "
      "without any sampling: `S = ((1-t)^2 / t)(I + (1-t) J)`. The square roots of its diagonal are the maps "
      "in the third row.");
  std::string times;
  for (const PosteriorMaps& maps : results.maps) times += (times.empty() ? "" : ", ") + number(maps.t);
  page.paragraph("Columns: t = " + times +
                 ", then the clean digit. Rows: noisy input, posterior mean, standard deviation per pixel "
                 "(black is 0, the brightest " +
                 number(kBrightestDeviation) + ").");
  std::vector<report::Figure> figures;
  for (const Picture& picture : map_pictures(results)) figures.push_back({picture.image, "", 1});
  page.figures(figures);
}

void add_measures(report::Report& page, const Results& results) {
  page.heading("Is the uncertainty right?");
  page.paragraph(
      "On held-out digits the squared error of the posterior mean should on average be the trace of the "
      "posterior covariance: their ratio is 1 for a calibrated field, above 1 for one that is too sure of "
      "itself. The oracle is the exact field of the training digits in closed form. It is shown up to t = "
      "0.5; later it has memorised them.");
  const auto nothing = std::nan("");
  report::LineChart calibration{
      "t",
      "E|x1 - m|² / E tr S",
      {over_time("trained field", results, [](const PosteriorMeasure& m) { return m.calibration; }),
       over_time(
           "closed-form oracle", results,
           [&](const PosteriorMeasure& m) { return m.oracle ? m.oracle->calibration : nothing; },
           report::LineStyle::dashed)},
      report::Reference{1.0, "calibrated"}};
  calibration.y_low = 0.5;
  double highest = 1.5;
  for (const PosteriorMeasure& measure : results.posterior) highest = std::max(highest, measure.calibration);
  calibration.y_high = highest;
  page.chart(calibration, "Calibration over time.");
  page.chart({"t",
              "E tr S",
              {over_time("trained field", results, [](const PosteriorMeasure& m) { return m.trace_mean; }),
               over_time(
                   "closed-form oracle", results,
                   [&](const PosteriorMeasure& m) { return m.oracle ? m.oracle->trace_mean : nothing; },
                   report::LineStyle::dashed)},
              std::nullopt,
              false,
              true},
             "Total posterior variance over time.");
  page.paragraph(
      "The posterior covariance of an exact field is symmetric and has no negative eigenvalue. How far a "
      "trained field is from that can be measured without data, on `A = I + (1-t) J`.");
  page.chart(
      {"t",
       "share",
       {over_time("symmetry defect", results, [](const PosteriorMeasure& m) { return m.symmetry_defect; }),
        over_time("negative mass", results, [](const PosteriorMeasure& m) { return m.negative_mass; })}},
      "Symmetry defect |A - Aᵀ| / |A + Aᵀ| (Frobenius norms) and the share of negative eigenvalues of the "
      "symmetric part, means over the held-out digits.");
  std::vector<std::vector<std::string>> rows;
  for (const PosteriorMeasure& m : results.posterior) {
    rows.push_back({number(m.t), number(m.trace_mean, 4), fixed(m.calibration, 3),
                    fixed(m.symmetry_defect, 3), fixed(m.negative_mass, 4),
                    m.oracle ? number(m.oracle->trace_mean, 4) : "–",
                    m.oracle ? fixed(m.oracle->calibration, 3) : "–",
                    m.oracle ? fixed(m.oracle->relative_error, 3) : "–"});
  }
  page.table({"t", "E tr S", "calibration", "symmetry defect", "negative mass", "oracle E tr S",
              "oracle calibration", "error against oracle"},
             rows,
             "Means over the held-out digits. The last column is E|tr S - tr S_oracle| / E tr S_oracle.");
}

void add_identity(report::Report& page, const Results& results) {
  page.heading("The identity itself");
  page.paragraph(
      "For the closed-form field of the training digits the covariance is known. The engine's Jacobian of "
      "that field reproduces it in double precision, on the linear and on the trigonometric path, over times "
      "from 0.02 to 0.98, with a largest error of " +
      number(results.identity_error) +
      " (relative to what one unit of error of `I + (1-t) J` in every pixel becomes in S).");
}

void add_costs(report::Report& page, const Results& results) {
  page.heading("Time and memory");
  std::vector<std::vector<std::string>> rows;
  double total = 0;
  for (const auto& [part, seconds] : results.seconds) {
    rows.push_back({part, fixed(seconds, 2)});
    total += seconds;
  }
  rows.push_back({"all", fixed(total, 2)});
  page.table({"part", "seconds"}, rows,
             "Largest memory of all tensors at once: " +
                 fixed(static_cast<double>(results.peak_bytes) / 1e6, 0) + " MB.");
}

std::string command(const Options& options) {
  return "digits --seed " + std::to_string(options.seed) + " --steps " + std::to_string(options.steps) +
         " --batch " + std::to_string(options.batch) + " --width " + std::to_string(options.width) +
         " --layers " + std::to_string(options.layers) + " --learning-rate " + number(options.learning_rate) +
         " --weight-decay " + number(options.weight_decay) + " --ema " + number(options.ema, 6);
}

}  // namespace

void write_outputs(const Results& results) {
  const std::filesystem::path& out = results.options.out;
  std::vector<Picture> pictures = map_pictures(results);
  pictures.push_back(generated_picture(results));
  pictures.push_back(real_picture(results));
  for (const Picture& picture : pictures)
    io::write_png(out / (picture.name + ".png"), picture.image.width, picture.image.height, 3,
                  picture.image.rgb);
  io::write_file(out / "metrics.json", metrics_json(results));

  report::Report page("Digits with their uncertainty");
  page.paragraph(
      "A flow-matching model of handwritten digits, and what the Jacobian of its velocity field says about "
      "how sure it can be.");
  const auto near_half = std::find_if(results.posterior.begin(), results.posterior.end(),
                                      [](const PosteriorMeasure& m) { return m.t == 0.5; });
  page.facts({{"training time", report::duration(results.seconds_of("training"))},
              {"loss per pixel", fixed(results.final_loss, 4)},
              {"calibration at t = 0.5",
               near_half == results.posterior.end() ? "–" : fixed(near_half->calibration, 2)},
              {"identity error", number(results.identity_error, 2)}});
  add_model(page, results);
  add_samples(page, results);
  add_maps(page, results);
  add_measures(page, results);
  add_identity(page, results);
  add_loss(page, results);
  add_costs(page, results);
  page.footer(command(results.options));
  page.write(out / "report.html");
}

}  // namespace nabla::digits
