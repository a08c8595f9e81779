#include "examples/digits/write_report.h"

#include <algorithm>
#include <utility>

#include "examples/digits/metrics.h"
#include "examples/digits/pictures.h"
#include "examples/digits/report_sections.h"
#include "examples/report/device.h"
#include "examples/report/number.h"
#include "io/atomic_file.h"
#include "io/png.h"

namespace nabla::digits {
namespace {

using report::fixed;
using report::number;

std::string calibration_at_half(const NetworkResults& network) {
  const auto found = std::find_if(network.posterior.begin(), network.posterior.end(),
                                  [](const PosteriorMeasure& m) { return m.t == 0.5; });
  return found == network.posterior.end() ? "–" : fixed(found->calibration, 2);
}

std::string command(const Options& options) {
  return "digits --seed " + std::to_string(options.seed) + " --steps " + std::to_string(options.steps) +
         " --mean-flow-steps " + std::to_string(options.mean_flow_steps) + " --batch " +
         std::to_string(options.batch) + " --width " + std::to_string(options.width) + " --layers " +
         std::to_string(options.layers) + " --learning-rate " + number(options.learning_rate) +
         " --weight-decay " + number(options.weight_decay) + " --mean-flow-weight-decay " +
         number(options.mean_flow_weight_decay) + " --averaged-weight " + number(options.averaged_weight) +
         " --ema " + number(options.ema, 6);
}

}  // namespace

void write_outputs(const Results& results) {
  const std::filesystem::path& out = results.options.out;
  std::vector<Picture> pictures = sample_pictures(results);
  for (Picture& picture : map_pictures(results)) pictures.push_back(std::move(picture));
  pictures.push_back(one_step_picture(results));
  for (const Picture& picture : pictures)
    io::write_png(out / (picture.name + ".png"), picture.image.width, picture.image.height, 3,
                  picture.image.rgb);
  io::write_file(out / "metrics.json", metrics_json(results));

  report::Report page("Digits with their uncertainty");
  page.paragraph(
      "Two flows of handwritten digits, one that follows a velocity and one that jumps in a single step, and "
      "what the Jacobians of their fields say about how sure they can be.");
  page.facts({{"bits per dimension", fixed(results.flow_matching.likelihood.bits_per_dim, 2)},
              {"calibration at t = 0.5", calibration_at_half(results.flow_matching)},
              {"of MeanFlow", calibration_at_half(results.mean_flow)},
              {"identity error", number(results.identity_error, 2)}});
  add_models(page, results);
  add_samples(page, results);
  add_maps(page, results);
  add_calibration(page, results);
  add_trace_cost(page, results);
  add_likelihood(page, results);
  add_one_step(page, results);
  add_identity(page, results);
  add_training(page, results);
  add_costs(page, results);
  page.footer(report::with_device(command(results.options)));
  page.write(out / "report.html");
}

}  // namespace nabla::digits
