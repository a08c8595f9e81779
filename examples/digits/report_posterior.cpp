#include <algorithm>
#include <cmath>

#include "examples/digits/pictures.h"
#include "examples/digits/report_sections.h"
#include "examples/report/number.h"

namespace nabla::digits {
namespace {

using report::fixed;
using report::number;

// One line of a chart over time; times at which the value is missing are left out.
template <class Value>
report::Series over_time(const std::string& name, const std::vector<PosteriorMeasure>& measures, Value value,
                         report::LineStyle style = report::LineStyle::solid, int colour = -1) {
  report::Series series{name, {}, {}, style, colour};
  for (const PosteriorMeasure& measure : measures) {
    const double y = value(measure);
    if (!std::isfinite(y)) continue;
    series.x.push_back(measure.t);
    series.y.push_back(y);
  }
  return series;
}

double calibration(const PosteriorMeasure& m) { return m.calibration; }
double trace_mean(const PosteriorMeasure& m) { return m.trace_mean; }
double symmetry_defect(const PosteriorMeasure& m) { return m.symmetry_defect; }
double negative_mass(const PosteriorMeasure& m) { return m.negative_mass; }
double oracle_calibration(const PosteriorMeasure& m) {
  return m.oracle ? m.oracle->calibration : std::nan("");
}
double oracle_trace(const PosteriorMeasure& m) { return m.oracle ? m.oracle->trace_mean : std::nan(""); }

void add_table(report::Report& page, const std::string& name, const std::vector<PosteriorMeasure>& measures) {
  const bool has_oracle =
      std::ranges::any_of(measures, [](const PosteriorMeasure& m) { return m.oracle.has_value(); });
  std::vector<std::string> header{"t", "E tr S", "calibration", "symmetry defect", "negative mass"};
  if (has_oracle)
    header.insert(header.end(), {"oracle E tr S", "oracle calibration", "error against oracle"});
  std::vector<std::vector<std::string>> rows;
  for (const PosteriorMeasure& m : measures) {
    rows.push_back({number(m.t), number(m.trace_mean, 4), fixed(m.calibration, 3),
                    fixed(m.symmetry_defect, 3), fixed(m.negative_mass, 4)});
    if (m.oracle)
      for (const std::string& cell : {number(m.oracle->trace_mean, 4), fixed(m.oracle->calibration, 3),
                                      fixed(m.oracle->relative_error, 3)})
        rows.back().push_back(cell);
    rows.back().resize(header.size(), "–");
  }
  page.table(header, rows,
             name + ": means over the held-out digits." +
                 (has_oracle ? " The last column is E|tr S - tr S_oracle| / E tr S_oracle." : ""));
}

}  // namespace

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

void add_calibration(report::Report& page, const Results& results) {
  const std::vector<PosteriorMeasure>& flow_matching = results.flow_matching.posterior;
  const std::vector<PosteriorMeasure>& mean_flow = results.mean_flow.posterior;
  page.heading("Is the uncertainty right?");
  page.paragraph(
      "On held-out digits the squared error of the posterior mean should on average be the trace of the "
      "posterior covariance: their ratio is 1 for a calibrated field, above 1 for one that is too sure of "
      "itself. The MeanFlow network is asked by its velocity `u(x, t, t)`. The oracle is the exact field of "
      "the training digits in closed form. It is shown up to t = 0.5; later it has memorised them.");
  report::LineChart chart{
      "t",
      "E|x1 - m|² / E tr S",
      {over_time("flow matching", flow_matching, calibration), over_time("MeanFlow", mean_flow, calibration),
       over_time("closed-form oracle", flow_matching, oracle_calibration, report::LineStyle::dashed)},
      report::Reference{1.0, "calibrated"}};
  chart.y_low = 0.5;
  double highest = 1.5;
  for (const auto* measures : {&flow_matching, &mean_flow})
    for (const PosteriorMeasure& measure : *measures) highest = std::max(highest, measure.calibration);
  chart.y_high = highest;
  page.chart(chart, "Calibration over time.");
  page.chart(
      {"t",
       "E tr S",
       {over_time("flow matching", flow_matching, trace_mean), over_time("MeanFlow", mean_flow, trace_mean),
        over_time("closed-form oracle", flow_matching, oracle_trace, report::LineStyle::dashed)},
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
       {over_time("symmetry defect, flow matching", flow_matching, symmetry_defect, report::LineStyle::solid,
                  0),
        over_time("symmetry defect, MeanFlow", mean_flow, symmetry_defect, report::LineStyle::solid, 1),
        over_time("negative mass, flow matching", flow_matching, negative_mass, report::LineStyle::dashed, 0),
        over_time("negative mass, MeanFlow", mean_flow, negative_mass, report::LineStyle::dashed, 1)}},
      "Symmetry defect |A - Aᵀ| / |A + Aᵀ| (Frobenius norms) and the share of negative eigenvalues of the "
      "symmetric part, means over the held-out digits.");
  add_table(page, "Flow matching", flow_matching);
  add_table(page, "MeanFlow", mean_flow);
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

}  // namespace nabla::digits
