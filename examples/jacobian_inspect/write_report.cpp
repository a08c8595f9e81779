#include "examples/jacobian_inspect/write_report.h"

#include <algorithm>
#include <functional>

#include "examples/jacobian_inspect/metrics.h"
#include "examples/report/device.h"
#include "examples/report/number.h"
#include "examples/report/report.h"
#include "io/atomic_file.h"

namespace nabla::jacobian_inspect {
namespace {

using report::fixed;
using report::number;

constexpr std::size_t kMostLines = 8;    // the colours of a chart
constexpr double kSmallestShown = 1e-4;  // eigenvalue of A

report::Series over_time(const std::string& name, const std::vector<SpectrumAtTime>& spectrum,
                         const std::function<double(const SpectrumAtTime&)>& value,
                         report::LineStyle style = report::LineStyle::solid, int colour = -1) {
  report::Series series{name, {}, {}, style, colour};
  for (const SpectrumAtTime& at : spectrum) {
    series.x.push_back(at.t);
    series.y.push_back(value(at));
  }
  return series;
}

// Numbers of eigenvalues from the largest: 1, 2, 4, .. and the last.
std::vector<std::size_t> shown_eigenvalues(std::size_t count) {
  std::vector<std::size_t> shown;
  for (std::size_t i = 1; i < count && shown.size() + 1 < kMostLines; i *= 2) shown.push_back(i);
  shown.push_back(count);
  return shown;
}

std::string ordinal(std::size_t i, std::size_t count) {
  return i == 1 ? "largest" : i == count ? "smallest" : "number " + std::to_string(i);
}

void add_spectrum(report::Report& page, const SubjectResults& subject) {
  const std::size_t count = subject.spectrum.front().eigenvalues.size();
  std::vector<report::Series> of_a, of_j;
  for (const std::size_t i : shown_eigenvalues(count)) {
    of_a.push_back(over_time(ordinal(i, count), subject.spectrum,
                             [i](const SpectrumAtTime& at) { return at.eigenvalues[i - 1]; }));
    of_j.push_back(over_time(ordinal(i, count), subject.spectrum, [i](const SpectrumAtTime& at) {
      return (at.eigenvalues[i - 1] - 1) / (1 - at.t);
    }));
  }
  page.subheading(subject.title);
  page.paragraph(subject.description);
  report::LineChart chart{"t", "eigenvalues of A", of_a, std::nullopt, false, true};
  chart.y_low = kSmallestShown;
  page.chart(chart,
             "Eigenvalues of the symmetric part of A, from the largest, means over the samples. Where a line "
             "has a gap its eigenvalue is not positive.");
  page.chart({"t", "eigenvalues of J", of_j},
             "The same of J itself: directions in which the data do not spread go as `-1/(1-t)`.");
}

void add_spectra(report::Report& page, const Results& results) {
  page.heading("Spectrum");
  page.paragraph(
      "`J = dv/dx` is the Jacobian of a velocity field at noisy samples `x_t = t x1 + (1-t) x0`. "
      "`A = I + (1-t) J` is the derivative of the posterior mean by `x_t`, and the posterior covariance is "
      "`S = ((1-t)^2 / t) A`. Each is taken at " +
      std::to_string(results.options.samples) + " samples, with the same noise at every time.");
  for (const SubjectResults& subject : results.subjects) add_spectrum(page, subject);
}

void add_rank(report::Report& page, const Results& results) {
  page.heading("Rank");
  page.paragraph("The numerical rank of A is the number of its singular values above " +
                 number(kRankThreshold) +
                 " of the largest. Near data, those of `t A` above 1/2 tell along how many directions the "
                 "data go on at the level of the noise.");
  std::vector<report::Series> series;
  int colour = 0;
  for (const SubjectResults& subject : results.subjects) {
    series.push_back(over_time(
        "rank, " + subject.title, subject.spectrum, [](const SpectrumAtTime& at) { return at.rank; },
        report::LineStyle::solid, colour));
    series.push_back(over_time(
        "directions, " + subject.title, subject.spectrum,
        [](const SpectrumAtTime& at) { return at.dimension; }, report::LineStyle::dashed, colour++));
  }
  report::LineChart chart{"t", "number of directions", series};
  chart.y_low = 0;
  page.chart(chart,
             "Means over the samples; those of the rank leave out samples where nothing but rounding is left "
             "of A, which happens to the exact field when it knows a digit for sure.");
}

void add_symmetry(report::Report& page, const Results& results) {
  page.heading("Symmetry");
  page.paragraph(
      "The Jacobian of an exact field is symmetric, and A has no negative eigenvalue. How far a network is "
      "from that needs no data to measure. What a closed form leaves is rounding.");
  std::vector<report::Series> series;
  int colour = 0;
  for (const SubjectResults& subject : results.subjects) {
    series.push_back(over_time(
        "defect, " + subject.title, subject.spectrum,
        [](const SpectrumAtTime& at) { return at.symmetry_defect; }, report::LineStyle::solid, colour));
    series.push_back(over_time(
        "negative mass, " + subject.title, subject.spectrum,
        [](const SpectrumAtTime& at) { return at.negative_mass; }, report::LineStyle::dashed, colour++));
  }
  report::LineChart chart{"t", "share", series, std::nullopt, false, true};
  chart.y_low = 1e-17;
  page.chart(chart,
             "Symmetry defect `|A - Aᵀ| / |A + Aᵀ|` (Frobenius norms), and the share of negative eigenvalues "
             "of the symmetric part where there are any; means over the samples.");
}

std::string operations(double flops) { return flops > 0 ? number(flops / 1e6) : "–"; }

void add_cost(report::Report& page, const SubjectResults& subject) {
  const DivergenceCost& cost = subject.cost;
  page.subheading(subject.title);
  std::vector<std::vector<std::string>> rows;
  for (const WayCost& way : cost.ways)
    rows.push_back(
        {way.name + (way.name == cost.chosen ? " (chosen)" : "") + (way.is_estimate ? " (an estimate)" : ""),
         operations(way.planned), operations(way.once), operations(way.each), number(way.first_milliseconds),
         number(way.milliseconds), &way == &cost.ways.front() ? "–" : number(way.difference, 2)});
  page.table({"way", "foretold, MFLOP", "once, MFLOP", "a call, MFLOP", "first call, ms", "a call, ms",
              "difference"},
             rows,
             std::to_string(cost.samples) + " samples of " + std::to_string(cost.elements) +
                 " elements at t = " + number(cost.t) +
                 ". What explain_divergence foretells is all that a call takes that is not compiled; then "
                 "what the plans of the compiled function hold, the median time of a call, and "
                 "how far the results lie from those of tangents.");
  page.svg(cost.picture,
           "The pieces of the Jacobian. Where they are contracted, circles tell in which order the vectors "
           "between them are eliminated.");
  page.preformatted(cost.explanation);
}

void add_costs(report::Report& page, const Results& results) {
  page.heading("What a divergence takes");
  page.paragraph(
      "The divergence `tr J` is exact by pushing a tangent for each element of a sample, by pulling back as "
      "many cotangents, or by contracting the linear pieces of the Jacobian in any order. "
      "`explain_divergence` lists the orders that were found, and `divergence` takes the cheapest way.");
  for (const SubjectResults& subject : results.subjects) add_cost(page, subject);
}

std::string command(const Options& options) {
  return "jacobian_inspect" +
         (options.checkpoint.empty() ? "" : " --checkpoint " + options.checkpoint.string()) + " --seed " +
         std::to_string(options.seed) + " --steps " + std::to_string(options.steps) + " --samples " +
         std::to_string(options.samples) + " --batch " + std::to_string(options.batch);
}

const SpectrumAtTime& half_way(const SubjectResults& subject) {
  return subject.spectrum[subject.spectrum.size() / 2];
}

}  // namespace

void write_outputs(const Results& results) {
  io::write_file(results.options.out / "metrics.json", metrics_json(results));
  report::Report page("Jacobians of velocity fields");
  page.paragraph(
      "What the Jacobian of a flow's velocity looks like along time, for a network in the plane, a network "
      "of digits and the exact field of the digits, and what it takes to get its trace.");
  std::vector<std::pair<std::string, std::string>> facts;
  for (const SubjectResults& subject : results.subjects)
    facts.push_back({"rank at t = " + number(half_way(subject).t) + ", " + subject.title,
                     fixed(half_way(subject).rank, 1)});
  page.facts(facts);
  add_spectra(page, results);
  add_rank(page, results);
  add_symmetry(page, results);
  add_costs(page, results);
  page.footer(report::with_device(command(results.options)));
  page.write(results.options.out / "report.html");
}

}  // namespace nabla::jacobian_inspect
