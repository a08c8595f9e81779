#include <algorithm>

#include "examples/digits/pictures.h"
#include "examples/digits/report_sections.h"
#include "examples/report/number.h"

namespace nabla::digits {
namespace {

using report::fixed;
using report::number;

std::vector<std::string> quality_row(const std::string& name, const std::string& evaluations,
                                     const std::string& time, const SampleQuality& quality) {
  return {name,
          evaluations,
          time,
          fixed(quality.sliced_w2_over_floor, 2),
          fixed(quality.one_nn_generated, 2) + ", " + fixed(quality.one_nn_real, 2),
          fixed(quality.precision, 3),
          fixed(quality.recall, 3),
          fixed(quality.density, 2),
          fixed(quality.coverage, 2),
          fixed(quality.nearest_training, 2)};
}

std::string bits(const LikelihoodMeasure& measure) {
  return fixed(measure.bits_per_dim, 3) + " ± " + fixed(measure.standard_error, 3);
}

}  // namespace

void add_samples(report::Report& page, const Results& results) {
  page.heading("Samples");
  std::vector<report::Figure> figures;
  for (const Picture& picture : sample_pictures(results))
    figures.push_back({picture.image, picture.caption, 1});
  page.figures(figures);
  const SampleComparison& samples = results.samples;
  std::vector<std::vector<std::string>> rows;
  for (const SamplerResult& sampler : samples.samplers)
    rows.push_back(quality_row(sampler.label, std::to_string(sampler.evaluations),
                               number(1e3 * sampler.seconds_per_image), sampler.quality));
  rows.push_back(quality_row("floor: real training digits", "–", "–", samples.floor));
  for (const SamplerResult& control : samples.controls)
    rows.push_back(quality_row("control: " + control.label, "–", "–", control.quality));
  page.table(
      {"images", "evals", "ms", "W2", "1-NN", "precision", "recall", "density", "coverage", "distance"}, rows,
      "Means over " + std::to_string(samples.draws) + " draws of " + std::to_string(samples.per_draw) +
          " images against the held-out digits. evals, ms: network evaluations and milliseconds for each "
          "image. W2: sliced Wasserstein distance over that of the floor (" +
          fixed(samples.floor.sliced_w2, 4) +
          "); alone it proves little, as the controls show. 1-NN: how often the nearest neighbour is of the "
          "same kind, among generated and among real images; both must be 0.5, for noise may have 0 and 1. "
          "Precision and recall: share of generated images within reach of a real one (three neighbours) and "
          "the reverse. Density: generated images in the reach of real ones (five neighbours), 1 for real "
          "ones. Coverage: share of real images with a generated one in their reach. Distance: to the "
          "nearest training digit, 0 for a copy.");
}

void add_likelihood(report::Report& page, const Results& results) {
  page.heading("Likelihood");
  page.paragraph("Exact divergence, integrated along each held-out digit's trajectory: " +
                 bits(results.flow_matching.likelihood) + " bits per dimension for flow matching, " +
                 bits(results.mean_flow.likelihood) + " for the velocity of MeanFlow (standard errors over " +
                 std::to_string(results.flow_matching.likelihood.images) + " and " +
                 std::to_string(results.mean_flow.likelihood.images) +
                 " digits). Taking the divergence at few times changes them by less than " +
                 number(std::max(results.flow_matching.likelihood.quadrature_error,
                                 results.mean_flow.likelihood.quadrature_error)) +
                 ". One Gaussian with mean and covariance of the training digits takes " +
                 fixed(results.gaussian_bits_per_dim, 3) +
                 ", and without any model a digit costs log2 17 = 4.09 bits per dimension.");
}

void add_one_step(report::Report& page, const Results& results) {
  const OneStepMeasure& measure = results.one_step;
  page.heading("What a one-step model knows of its uncertainty");
  page.paragraph(
      "`T(x0) = x0 + u(x0, 0, 1)` is deterministic, and at t = 0 the posterior is the same for every input. "
      "Three forms are sound, and they answer different questions. (A) Tweedie at an inner time: one "
      "evaluation leads to `x_t`, where the velocity tells the posterior covariance `S`. (B) Push-forward: "
      "`(1-t)² X Xᵀ` with the Jacobian `X` of the one-step map from t to the data; equal to `S` for Gaussian "
      "data only. (C) The exact likelihood of the one-step model, by the determinant of its Jacobian.");
  page.figure(
      {one_step_picture(results).image,
       "Columns: draws. Rows: one-step sample; posterior mean at t = " + number(results.one_step_maps.t) +
           "; standard deviation per pixel by (A); by (B). Black is 0, the brightest " +
           number(kBrightestDeviation) + ".",
       1});
  std::vector<std::vector<std::string>> rows;
  for (const OneStepMeasure::AtTime& at : measure.times)
    rows.push_back({number(at.t), number(at.inner_trace, 4), number(at.held_out_trace, 4),
                    number(at.push_forward_trace, 4), fixed(at.push_forward_ratio, 2)});
  page.table({"t", "(A) E tr S, from noise", "E tr S, noisy held-out", "(B) E tr, noisy held-out",
              "E|x1 - m|² / (B)"},
             rows,
             "(A) reaches its inner time from noise; it should agree with the noisy held-out digits beside "
             "it. (B) is how far the map carries the noise that is left, to first order: close to the "
             "posterior in size here, but not calibrated, for the map is far from linear.");
  page.paragraph("(C): the one-step model gives its own samples " + fixed(measure.one_step_bits_per_dim, 3) +
                 " bits per dimension; the divergence of the same network's velocity, integrated along the "
                 "trajectories that end at these samples, gives " +
                 fixed(measure.integrated_bits_per_dim, 3) + ".");
}

}  // namespace nabla::digits
