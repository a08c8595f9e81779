#pragma once

#include <string>
#include <vector>

#include "examples/jacobian_inspect/subjects.h"

namespace nabla::jacobian_inspect {

/// One way to the divergences of a batch, as a compiled function.
struct WayCost {
  std::string name;
  double planned = 0;  ///< operations that explain_divergence foretells; 0 where it does not list the way
  double once = 0;     ///< operations of what depends on parameters alone, which is kept from call to call
  double each = 0;     ///< operations of every call
  double first_milliseconds = 0;  ///< of the first call: graph, plan, and what is made once
  double milliseconds = 0;        ///< median of the later calls
  double difference = 0;          ///< from tangents, root mean square as a share of theirs
  bool is_estimate = false;
};

/// What each way to the divergence takes at one time.
struct DivergenceCost {
  double t = 0;
  std::int64_t samples = 0, elements = 0;
  std::vector<WayCost> ways;  ///< tangents first, then what explain_divergence lists, then others
  std::string chosen;         ///< the name of the way that divergence takes
  std::string explanation;    ///< explain_divergence as text
  std::string picture;        ///< and as an SVG element
};

/// Times every way for about `seconds`.
DivergenceCost measure_divergence(const Subject& subject, double t, std::int64_t batch, double seconds,
                                  const Tensor& key);

}  // namespace nabla::jacobian_inspect
