#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flow/field.h"

namespace nabla::digits {

/// What the exact divergence of a network takes, by tangents and by the order that the planner chooses.
struct TraceCost {
  struct Way {
    std::string name;
    double operations = 0;  ///< floating-point operations for all samples
    double bytes = 0;       ///< of tangents or matrices at once
    bool chosen = false;
  };
  std::int64_t samples = 0;
  std::vector<Way> ways;                           ///< tangents first
  std::string reason;                              ///< why one was chosen
  std::string picture;                             ///< the network and its order, an SVG element
  double saving = 1;                               ///< operations of the tangents by those of the chosen way
  double tangent_seconds = 0, chosen_seconds = 0;  ///< of a compiled divergence; medians, in turn
  /// Largest difference of D + (1-t) div v between the two, by the largest value.
  double difference = 0;
};

/// Of the samples x [B, D] at time t.
TraceCost measure_trace_cost(const flow::TimedField& v, const Tensor& x, double t);

/// What the planner would save for networks like those of this program: of other pictures, other depths.
struct PlannedSaving {
  std::int64_t pixels = 0, layers = 0, width = 0;
  double tangent_operations = 0, chosen_operations = 0;  ///< for a batch
};
/// Nothing is computed: the plans say it.
std::vector<PlannedSaving> planned_savings(std::int64_t width, std::int64_t samples);

}  // namespace nabla::digits
