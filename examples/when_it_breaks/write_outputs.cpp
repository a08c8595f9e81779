#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/backend/device.h"
#include "examples/report/device.h"
#include "examples/report/number.h"
#include "examples/report/report.h"
#include "examples/when_it_breaks/run.h"
#include "io/atomic_file.h"

namespace nabla::when_it_breaks {
namespace {

using report::fixed;
using report::number;
using uncertainty::ValidityRow;

std::string times_with(const Control& control, bool ValidityRow::*flag) {
  std::size_t count = 0;
  for (const ValidityRow& row : control.report.rows) count += row.*flag ? 1 : 0;
  if (count == 0) return "–";
  return count == control.report.rows.size()
             ? "always"
             : std::to_string(count) + " of " + std::to_string(control.report.rows.size());
}

void add_summary(report::Report& page, const Results& results) {
  page.heading("Who sees what");
  page.paragraph(
      "Metadata are the only check that sees every field, if they are true. When they lie, the validity "
      "report is what is left: at how many of its times each flag is raised. Limits: calibration outside of "
      "1/1.25 to 1.25 by more than four standard errors, symmetry defect over .25, negative mass over .05.");
  std::vector<std::vector<std::string>> rows;
  for (const Control& control : results.controls)
    rows.push_back({control.name, control.refusal.empty() ? "passes" : "refused",
                    times_with(control, &ValidityRow::miscalibrated),
                    times_with(control, &ValidityRow::asymmetric),
                    times_with(control, &ValidityRow::negative), control.as_predicted() ? "yes" : "NO"});
  page.table({"field", "metadata", "miscalibrated", "asymmetric", "negative", "as predicted"}, rows);
}

// All wrong fields but those that are 0 throughout.
void add_overview(report::Report& page, const Results& results) {
  constexpr double kLeast = .01;
  report::LineChart chart{.x_label = "t", .y_label = "calibration", .series = {}, .logarithmic_y = true};
  chart.reference = report::Reference{1, "right"};
  for (const Control& control : results.controls) {
    report::Series series{control.name, {}, {}};
    bool shown = false;
    for (const ValidityRow& row : control.report.rows) {
      const bool fits = row.calibration > kLeast && row.calibration < 1 / kLeast;
      shown = shown || fits;
      series.x.push_back(row.t);
      series.y.push_back(fits ? row.calibration : std::nan(""));
    }
    if (shown && !control.sound) chart.series.push_back(series);
  }
  page.chart(
      chart,
      "Calibration of the wrong fields. Below 1 the posterior is too wide, above too narrow. Gaps are below "
      ".01, above 100 or not positive.");
}

void add_control(report::Report& page, const Control& control, int colour) {
  page.heading(control.name);
  page.paragraph(control.text);
  if (!control.refusal.empty()) {
    page.paragraph("What `posterior` says:");
    page.preformatted(control.refusal);
  }
  report::Series measured{"measured", {}, {}, report::LineStyle::solid, colour};
  report::Series predicted{"predicted", {}, {}, report::LineStyle::dashed, colour};
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < control.report.rows.size(); ++i) {
    const ValidityRow& row = control.report.rows[i];
    measured.x.push_back(row.t);
    measured.y.push_back(row.calibration);
    predicted.x.push_back(row.t);
    predicted.y.push_back(control.predicted[i]);
    rows.push_back({number(row.t), fixed(row.calibration, 3), fixed(row.calibration_error, 3),
                    fixed(control.predicted[i], 3), fixed(row.symmetry_defect, 3),
                    fixed(row.negative_mass, 3), row.passed() ? "–" : row.flags()});
  }
  page.chart({.x_label = "t",
              .y_label = "calibration",
              .series = {measured, predicted},
              .reference = report::Reference{1, "right"}},
             "E|x1 - m|² over E tr S.");
  page.table({"t", "calibration", "standard error", "predicted", "symmetry defect", "negative mass", "flags"},
             rows);
}

}  // namespace

std::string metrics_json(const Results& results) {
  nlohmann::ordered_json json;
  json["seed"] = results.options.seed;
  json["device"] = std::string(name_of(current_device()));
  json["samples"] = results.options.samples;
  json["passed"] = results.passed();
  json["controls"] = nlohmann::ordered_json::array();
  for (const Control& control : results.controls) {
    nlohmann::ordered_json entry;
    entry["name"] = control.name;
    entry["sound"] = control.sound;
    entry["refusal"] = control.refusal;
    entry["as_predicted"] = control.as_predicted();
    for (std::size_t i = 0; i < control.report.rows.size(); ++i) {
      const ValidityRow& row = control.report.rows[i];
      nlohmann::ordered_json at;
      at["t"] = row.t;
      at["calibration"] = row.calibration;
      at["calibration_error"] = row.calibration_error;
      at["predicted"] = control.predicted[i];
      at["symmetry_defect"] = row.symmetry_defect;
      at["negative_mass"] = row.negative_mass;
      at["miscalibrated"] = row.miscalibrated;
      at["asymmetric"] = row.asymmetric;
      at["negative"] = row.negative;
      entry["rows"].push_back(at);
    }
    json["controls"].push_back(entry);
  }
  json["seconds"] = results.seconds;
  return json.dump(2) + "\n";
}

void write_outputs(const Results& results) {
  io::write_file(results.options.out / "metrics.json", metrics_json(results));
  report::Report page("When a Jacobian tells no posterior");
  page.paragraph(
      "The identity between the Jacobian of a velocity and the covariance of the data behind a noisy sample "
      "holds for conditional means under a normal source that is drawn independently of the data. Here are "
      "fields for which one of these does not hold. Each is wrong by an amount that algebra predicts, and "
      "measured on " +
      std::to_string(results.options.samples) + " held-out data.");
  std::size_t refused = 0, wrong = 0, seen = 0;
  for (const Control& control : results.controls) {
    if (control.sound) continue;
    ++wrong;
    refused += control.refusal.empty() ? 0 : 1;
    seen += control.report.passed() ? 0 : 1;
  }
  page.facts({{"verdict", results.passed() ? "as predicted" : "NOT as predicted"},
              {"wrong fields refused", std::to_string(refused) + " of " + std::to_string(wrong)},
              {"seen when metadata lie", std::to_string(seen) + " of " + std::to_string(wrong)},
              {"seconds", fixed(results.seconds, 1)}});
  add_summary(page, results);
  add_overview(page, results);
  int colour = 0;
  for (const Control& control : results.controls) add_control(page, control, colour++ % 8);
  page.footer(report::with_device("when_it_breaks --seed " + std::to_string(results.options.seed) +
                                  " --samples " + std::to_string(results.options.samples)));
  page.write(results.options.out / "report.html");
}

}  // namespace nabla::when_it_breaks
