#include "examples/digits/report_sections.h"
#include "examples/report/number.h"

namespace nabla::digits {

using report::fixed;
using report::number;

namespace {

std::string times(double factor) { return fixed(factor, factor < 10 ? 1 : 0) + " times"; }

void add_ways(report::Report& page, const TraceCost& cost) {
  std::vector<std::vector<std::string>> rows;
  for (const TraceCost::Way& way : cost.ways)
    rows.push_back({way.name + (way.chosen ? " (chosen)" : ""), number(way.operations / 1e9, 4),
                    number(way.bytes / 1e6, 3)});
  page.table({"way", "GFLOP", "MB at once"}, rows,
             "Of " + std::to_string(cost.samples) + " digits by the flow-matching network. Chosen because " +
                 cost.reason + ". Measured, compiled, medians in turn: tangents " +
                 number(1e3 * cost.tangent_seconds, 3) + " ms, the chosen way " +
                 number(1e3 * cost.chosen_seconds, 3) + " ms, largest difference of D + (1-t) div v " +
                 number(cost.difference, 2) + ".");
}

void add_savings(report::Report& page, const std::vector<PlannedSaving>& savings) {
  std::vector<std::vector<std::string>> rows;
  for (const PlannedSaving& saving : savings)
    rows.push_back({std::to_string(saving.pixels), std::to_string(saving.layers),
                    number(saving.tangent_operations / 1e9, 4), number(saving.chosen_operations / 1e9, 4),
                    times(saving.tangent_operations / saving.chosen_operations)});
  page.table({"pixels", "hidden layers", "tangents, GFLOP", "chosen, GFLOP", "saved"}, rows,
             "The same for networks of other pictures and depths, hidden layers of " +
                 std::to_string(savings.front().width) + ", as planned.");
}

}  // namespace

void add_trace_cost(report::Report& page, const Results& results) {
  const TraceCost& cost = results.trace_cost;
  page.heading("What the exact trace costs");
  page.paragraph(
      "The trace of the Jacobian is exact here, for the traces of S and for the likelihoods. Pushing one "
      "tangent for each pixel through the network is one way to it. The engine looks for a cheaper one: it "
      "takes the network apart into products and scales and contracts the ring that they close in the best "
      "order; what only weights enter is multiplied once.");
  if (cost.saving > 1)
    page.paragraph("For this network that takes " + times(cost.saving) + " fewer operations.");
  else
    page.paragraph(
        "For this network there is none: it has fewer pixels than hidden units, and tangents, one for each "
        "pixel, already are the cheapest exact way. Nothing is saved here; the second table says where "
        "something is.");
  add_ways(page, cost);
  page.svg(
      cost.picture,
      "The Jacobian of the network as a graph: boxes are vectors with their lengths, lines the linear maps "
      "between them (W: weights, D: a scale for each digit)." +
          std::string(cost.saving > 1 ? " Numbers in circles say in which order the vectors are "
                                        "eliminated."
                                      : ""));
  add_savings(page, results.planned_savings);
}

}  // namespace nabla::digits
