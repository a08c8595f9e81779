#include "examples/posterior_components/write_report.h"

#include <algorithm>

#include "engine/engine.h"
#include "examples/posterior_components/metrics.h"
#include "examples/posterior_components/pictures.h"
#include "examples/report/device.h"
#include "examples/report/number.h"
#include "examples/report/report.h"
#include "io/atomic_file.h"
#include "io/png.h"

namespace nabla::posterior_components {
namespace {

using report::fixed;
using report::number;

std::string command(const Options& options) {
  return "posterior_components" +
         (options.checkpoint.empty() ? " --steps " + std::to_string(options.steps)
                                     : " --checkpoint " + options.checkpoint.string()) +
         " --seed " + std::to_string(options.seed) + " --components " + std::to_string(options.components) +
         " --digits " + std::to_string(options.digits);
}

// The numbers of components that a chart has lines for: 1, 2, 4, ..
std::vector<std::size_t> powers_of_two(std::int64_t count) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 1; i <= static_cast<std::size_t>(count) && numbers.size() < 8; i *= 2)
    numbers.push_back(i);
  return numbers;
}

void add_pictures(report::Report& page, const Results& results, const std::vector<Picture>& pictures) {
  page.heading("Digits and what they may be");
  std::string times;
  for (const ComponentsAtTime& at : results.times) times += (times.empty() ? "" : ", ") + number(at.t);
  page.paragraph("Rows: t = " + times +
                 ". Columns: the noisy digit at half its contrast, the posterior mean `m`, then for each of "
                 "the first components `m - 2 sqrt(λ) e` and `m + 2 sqrt(λ) e`, and the clean digit.");
  std::vector<report::Figure> figures;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    figures.push_back({pictures[i].image, "A held-out " + std::to_string(results.labels[i]) + ".", 1});
  page.figures(figures);
}

void add_shares(report::Report& page, const Results& results) {
  page.heading("How much they hold");
  std::vector<report::Series> shares, variances;
  for (const std::size_t i : powers_of_two(results.options.components)) {
    report::Series share{i == 1 ? "the first" : "the first " + std::to_string(i), {}, {}};
    report::Series variance{i == 1 ? "largest" : "number " + std::to_string(i), {}, {}};
    for (const ComponentsAtTime& at : results.times) {
      share.x.push_back(at.t);
      share.y.push_back(explained_shares(at)[i - 1]);
      variance.x.push_back(at.t);
      variance.y.push_back(mean(at.variances, {-2}).to_vector<double>()[i - 1]);
    }
    shares.push_back(share);
    variances.push_back(variance);
  }
  report::LineChart chart{"t", "share of tr S", shares};
  chart.y_low = 0;
  page.chart(chart,
             "Share of the total posterior variance along the first components, means over the digits.");
  page.chart({"t", "variance", variances, std::nullopt, false, true},
             "Variances along them, means over the digits.");
}

void add_cost(report::Report& page, const Results& results) {
  page.heading("What they take");
  page.paragraph(
      "The components come from block Lanczos iteration on products with S and its transpose, each a pass of "
      "tangents or of cotangents through the network, without forming S. That pays where images are large: "
      "for these, S takes 64 products as a whole, which the last column compares with.");
  std::vector<std::vector<std::string>> rows;
  for (const ComponentsAtTime& at : results.times)
    rows.push_back({number(at.t), std::to_string(at.products), at.converged ? "yes" : "no",
                    number(mean(cast(at.traces, DType::f64)).item()), number(at.error, 2)});
  page.table({"t", "products", "converged", "tr S", "error"}, rows,
             "Products for each digit; mean trace; largest distance of a variance from that of the whole "
             "matrix, as a share of the digit's largest.");
}

}  // namespace

void write_outputs(const Results& results) {
  const std::filesystem::path& out = results.options.out;
  const std::vector<Picture> pictures = component_pictures(results);
  for (const Picture& picture : pictures)
    io::write_png(out / (picture.name + ".png"), picture.image.width, picture.image.height, 3,
                  picture.image.rgb);
  io::write_file(out / "metrics.json", metrics_json(results));

  report::Report page("Principal components of posteriors");
  page.paragraph(
      "Behind a noisy digit `x_t = t x1 + (1-t) x0` there may be many clean ones. The Jacobian of a flow's "
      "velocity tells how they spread: `S = ((1-t)^2 / t)(I + (1-t) J)` is their covariance. Its largest "
      "eigenvectors `e` are the ways in which the digit is most uncertain, the eigenvalues `λ` how much.");
  page.paragraph(results.network + " It sees held-out digits behind noise.");
  std::vector<std::pair<std::string, std::string>> facts;
  for (const ComponentsAtTime& at : results.times)
    if (at.t == 0.2 || at.t == 0.5)
      facts.push_back(
          {"share of the first component at t = " + number(at.t), fixed(explained_shares(at).front(), 2)});
  page.facts(facts);
  add_pictures(page, results, pictures);
  add_shares(page, results);
  add_cost(page, results);
  page.footer(report::with_device(command(results.options)));
  page.write(out / "report.html");
}

}  // namespace nabla::posterior_components
