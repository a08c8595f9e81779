#include "examples/digits/report_sections.h"
#include "examples/report/number.h"

namespace nabla::digits {

using report::fixed;
using report::number;

void add_trace_cost(report::Report& page, const Results& results) {
  const TraceCost& cost = results.trace_cost;
  page.heading("What the exact trace costs");
  page.paragraph(
      "The trace of the Jacobian is exact here, for the traces of S and for the likelihoods. Pushing one "
      "tangent for each pixel through the network is one way to it. The engine looks for a cheaper one: it "
      "takes the network apart into products and scales and contracts the ring that they close in the best "
      "order; what only weights enter is multiplied once.");
  page.facts({{"fewer operations", fixed(cost.saving, 1) + " times"},
              {"faster", fixed(cost.tangent_seconds / cost.chosen_seconds, 1) + " times"},
              {"largest difference of D + (1-t) div v", number(cost.difference, 2)}});
  std::vector<std::vector<std::string>> rows;
  for (const TraceCost::Way& way : cost.ways)
    rows.push_back({way.name + (way.chosen ? " (chosen)" : ""), number(way.operations / 1e6, 3),
                    number(way.bytes / 1e6, 3)});
  page.table({"way", "MFLOP", "MB at once"}, rows,
             "Of " + std::to_string(cost.samples) + " digits by the flow-matching network. Chosen because " +
                 cost.reason + ". Measured, compiled, medians in turn: tangents " +
                 number(1e3 * cost.tangent_seconds, 3) + " ms, the chosen way " +
                 number(1e3 * cost.chosen_seconds, 3) + " ms.");
  page.svg(cost.picture,
           "The Jacobian of the network as a graph: boxes are vectors with their lengths, lines the linear maps "
           "between them (W: weights, D: a scale for each digit). Numbers in circles say in which order the "
           "vectors are eliminated.");
}

}  // namespace nabla::digits
