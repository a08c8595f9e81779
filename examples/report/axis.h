#pragma once

#include <string>
#include <vector>

namespace nabla::report {

/// A labelled place on an axis.
struct Tick {
  double value = 0.0;
  std::string label;
};

/// One axis of a chart: a range of values, linear or logarithmic, and its ticks.
class Axis {
 public:
  /// An axis that shows [low, high]. Equal ends are widened; on a logarithmic axis both must be positive.
  /// With `round_out`, a linear axis is widened so that it ends at ticks.
  Axis(double low, double high, bool logarithmic, bool round_out);

  /// Where a value lies: 0 at the low end, 1 at the high end.
  double position(double value) const;

  /// Whether the axis can show the value: finite, and positive if the axis is logarithmic.
  bool can_show(double value) const;

  const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  void make_linear_ticks(bool round_out);
  void make_logarithmic_ticks();

  double low_;
  double high_;
  bool logarithmic_;
  std::vector<Tick> ticks_;
};

}  // namespace nabla::report
