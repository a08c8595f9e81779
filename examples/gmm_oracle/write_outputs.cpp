#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/backend/device.h"
#include "examples/gmm_oracle/run.h"
#include "examples/report/device.h"
#include "examples/report/number.h"
#include "io/atomic_file.h"

namespace nabla::gmm_oracle {
namespace {

using report::number;

const MemberErrors& worst_of(const std::vector<MemberErrors>& members) {
  return *std::ranges::max_element(members, {},
                                   [](const MemberErrors& member) { return member.worst() / member.bound; });
}

double time_of_worst(const MemberErrors& member) {
  return kTimes[std::ranges::max_element(member.errors) - member.errors.begin()];
}

void add_bounds(report::Report& page, const Results& results) {
  page.heading("Every member against its bound");
  page.paragraph(
      "Each number that the Jacobian tells, against the closed form of the mixture, at " +
      std::to_string(results.options.samples) + " noisy samples for each of " +
      std::to_string(kTimes.size()) +
      " times from .02 to .98. An error of the Jacobian is multiplied on its way to S, early in the path by "
      "a lot; errors are given in units of what a Jacobian that is wrong by 1 would make, `|s² s'| / (a w) "
      "D` with `w = a' s - a s'` (on the linear path `(1-t)²/t D`). So 2e-16 is one rounding. For the third "
      "moment the unit is `|e|³ (1 + (s²/a)²)`; the mean is taken as it is; of the log-determinant it is "
      "what an error of every eigenvalue by that unit makes. Draws are random: theirs are the largest "
      "deviation of any mean or covariance, in standard errors.");
  std::vector<std::vector<std::string>> rows;
  for (const PathErrors& path : results.errors)
    for (const MemberErrors& member : path.members)
      rows.push_back({std::to_string(path.dimension), path.path, member.member, number(member.worst(), 2),
                      number(time_of_worst(member)), number(member.bound, 2),
                      member.passed() ? "pass" : "FAIL"});
  page.table({"D", "path", "member", "worst error", "at t", "bound", "verdict"}, rows);
}

void add_curves(report::Report& page, const Results& results) {
  page.heading("Errors over time");
  page.paragraph("The same errors for each time. Exact zeros leave gaps.");
  for (const PathErrors& path : results.errors) {
    report::LineChart chart{
        .x_label = "t", .y_label = "error in its unit", .series = {}, .logarithmic_y = true};
    for (const MemberErrors& member : path.members)
      if (member.member != "samples") chart.series.push_back({member.member, kTimes, member.errors});
    chart.reference = report::Reference{1e-12, "bound"};
    page.chart(chart, std::to_string(path.dimension) + " dimensions, " + path.path + " path.");
  }
}

void add_skewness(report::Report& page, const Results& results) {
  page.heading("Third moments");
  page.paragraph(
      "Mean and covariance are the first two derivatives of a log-partition function by `x_t`; the next "
      "derivative of the field tells how lopsided the posterior is. Along its first principal axis, for "
      "three noisy samples on the linear path; lines by the engine, dashes by the closed form behind them. A "
      "Gaussian has 0.");
  report::LineChart chart{.x_label = "t", .y_label = "skewness", .series = {}};
  for (std::size_t b = 0; b < results.skewness.computed.size(); ++b) {
    const int colour = static_cast<int>(b);
    chart.series.push_back({"sample " + std::to_string(b + 1), results.skewness.times,
                            results.skewness.computed[b], report::LineStyle::faint, colour});
    chart.series.push_back({"exact " + std::to_string(b + 1), results.skewness.times,
                            results.skewness.exact[b], report::LineStyle::dashed, colour});
  }
  page.chart(chart, "Skewness of the posterior along its first principal axis.");
}

}  // namespace

std::string metrics_json(const Results& results) {
  nlohmann::ordered_json json;
  json["seed"] = results.options.seed;
  json["device"] = std::string(name_of(current_device()));
  json["samples"] = results.options.samples;
  json["draws"] = results.options.draws;
  json["passed"] = results.passed();
  json["times"] = kTimes;
  json["errors"] = nlohmann::ordered_json::array();
  for (const PathErrors& path : results.errors)
    for (const MemberErrors& member : path.members) {
      nlohmann::ordered_json entry;
      entry["dimension"] = path.dimension;
      entry["path"] = path.path;
      entry["member"] = member.member;
      entry["worst"] = member.worst();
      entry["bound"] = member.bound;
      entry["passed"] = member.passed();
      entry["errors"] = member.errors;
      json["errors"].push_back(entry);
    }
  json["skewness"]["times"] = results.skewness.times;
  json["skewness"]["found"] = results.skewness.computed;
  json["skewness"]["exact"] = results.skewness.exact;
  json["seconds"] = results.seconds;
  return json.dump(2) + "\n";
}

void write_outputs(const Results& results) {
  io::write_file(results.options.out / "metrics.json", metrics_json(results));
  report::Report page("A posterior against its closed form");
  page.paragraph(
      "The velocity field of a Gaussian mixture is known in closed form, and so is everything about the data "
      "behind a noisy sample. Here the posterior sees the field alone, as a function to differentiate, and "
      "must find the same.");
  std::string nearest;
  double share = 0;
  for (const PathErrors& path : results.errors) {
    const MemberErrors& member = worst_of(path.members);
    if (member.worst() / member.bound <= share) continue;
    share = member.worst() / member.bound;
    nearest = member.member;
  }
  page.facts({{"verdict", results.passed() ? "all pass" : "FAILED"},
              {"nearest to its bound", nearest},
              {"share of it", number(share, 2)},
              {"seconds", report::fixed(results.seconds, 1)}});
  page.heading("What it looks like");
  page.paragraph(
      "Three noisy samples of a mixture in the plane, linear path. Gray: the density of the data. Rings: "
      "`x_t / a`. Ellipses: one and two standard deviations about the posterior mean, from the Jacobian of "
      "the field. Points of the exact posterior, which knows the components:");
  page.figures(results.exact_points);
  page.paragraph(
      "Points of `samples`, Gaussians with the same mean and covariance: they fill the ellipses and know "
      "nothing of the gaps.");
  page.figures(results.gaussian_points);
  add_bounds(page, results);
  add_skewness(page, results);
  add_curves(page, results);
  page.footer(report::with_device("gmm_oracle --seed " + std::to_string(results.options.seed) +
                                  " --samples " + std::to_string(results.options.samples) + " --draws " +
                                  std::to_string(results.options.draws)));
  page.write(results.options.out / "report.html");
}

}  // namespace nabla::gmm_oracle
