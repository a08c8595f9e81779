#include <algorithm>

#include "examples/digits/report_sections.h"
#include "examples/report/number.h"

namespace nabla::digits {
namespace {

using report::fixed;
using report::number;

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

// Each loss averaged over stretches of steps; the first also step by step.
void add_curves(report::Report& page, const std::vector<LossCurve>& losses, const std::string& caption) {
  report::LineChart chart{"step", "loss per pixel", {}};
  const std::vector<double>& first = losses.front().values;
  std::vector<double> steps;
  for (std::size_t i = 0; i < first.size(); ++i) steps.push_back(static_cast<double>(i + 1));
  chart.series.push_back({losses.front().name + ", each step", steps, first, report::LineStyle::faint, 0});
  const std::size_t window = std::max<std::size_t>(1, first.size() / 60);
  int colour = 0;
  for (const LossCurve& curve : losses) {
    chart.series.push_back(averaged(curve.values, window));
    chart.series.back().name = curve.name;
    chart.series.back().colour = colour++;
  }
  page.chart(chart, caption);
}

}  // namespace

void add_models(report::Report& page, const Results& results) {
  const Options& options = results.options;
  page.heading("What was trained");
  page.paragraph(
      "Two multilayer perceptrons (" + std::to_string(options.layers) + " hidden layers of width " +
      std::to_string(options.width) + ", SiLU, a shift for time in every layer; " +
      number(static_cast<double>(results.flow_matching.parameters), 6) + " and " +
      number(static_cast<double>(results.mean_flow.parameters), 6) +
      " parameters), which carry noise at t = 0 to digits at t = 1 along straight lines `x_t = t x1 + (1 - "
      "t) x0`. Both sit on top of the exact field of a Gaussian with the pixels' means and variances.");
  page.paragraph(
      "Flow matching learns the velocity `v(x, t)`, at times `u^1.5` with uniform `u`, which lean towards "
      "noise. MeanFlow learns the average velocity `u(x, t, r)`, which takes a sample from t to r in one "
      "step and holds the velocity as `u(x, t, t)`: half of each batch has two uniform times in order and "
      "regresses on `v + (r - t) du/dt`, with `du/dt` by one forward derivative along the network's own "
      "velocity and weight " +
      number(options.averaged_weight) +
      "; the other half is flow matching. Optimizer of both: AdamW with warm-up, cosine decay and a moving "
      "average of the weights, " +
      number(static_cast<double>(options.steps), 6) + " and " +
      number(static_cast<double>(options.mean_flow_steps), 6) + " steps of " + std::to_string(options.batch) +
      " digits; weight decay " + number(options.weight_decay) + " and " +
      number(options.mean_flow_weight_decay) + ".");
  page.paragraph(
      "The data are " + std::to_string(results.training_images) + " digits of 8 x 8 pixels with 17 levels; " +
      std::to_string(results.held_out_images) +
      " more, drawn at random within each class, are held out and used for every measurement below. Levels "
      "`k` become numbers by `2 (k + u) / 17 - 1` with fresh uniform noise `u` in every step.");
}

void add_training(report::Report& page, const Results& results) {
  page.heading("Training");
  page.subheading("Flow matching");
  add_curves(page, results.flow_matching.losses,
             "The loss falls to the spread of the conditional velocities, not to zero: many pairs of noise "
             "and digit pass through the same point.");
  page.subheading("MeanFlow");
  add_curves(page, results.mean_flow.losses,
             "What is minimised (weighted) and its parts without weights: all rows (raw), rows with t < r "
             "(averaged), rows with t = r (instantaneous), where it is the flow-matching loss.");
  page.paragraph(
      "On noisy held-out digits the average velocity misses the MeanFlow identity `u = v + (r - t) du/dt` "
      "by " +
      number(results.residuals.identity) +
      " of its own size (root mean squares), and one step from t to r differs from two by " +
      number(results.residuals.split) + " of its length.");
}

void add_costs(report::Report& page, const Results& results) {
  page.heading("Time and memory");
  page.table({"step", "milliseconds"},
             {{"flow-matching training, batch of " + std::to_string(results.options.batch),
               number(1e3 * results.flow_matching.seconds_per_step)},
              {"MeanFlow training, same batch", number(1e3 * results.mean_flow.seconds_per_step)}},
             "Mean over all training steps of the run, checkpoints included.");
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

}  // namespace nabla::digits
