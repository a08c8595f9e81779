#pragma once

#include <functional>
#include <string>
#include <vector>

#include "uncertainty/uncertainty.h"

namespace nabla::when_it_breaks {

/// A field that is wrong in a known way, and what was measured of it. Data are in two dimensions, in f64.
struct Control {
  std::string name = {};     ///< short, for tables and legends
  std::string text = {};     ///< what is wrong, and what follows from it
  std::string refusal = {};  ///< what posterior() says to its honest metadata, or to r != t; "" if nothing
  uncertainty::ValidityReport report = {};  ///< with metadata that lie
  std::vector<double> predicted = {};       ///< calibration at the report's times
  /// The prediction is exact up to chance; else it leaves something out.
  bool exact = true;
  /// A field that is right, for comparison.
  bool sound = false;

  /// Measured calibrations are those predicted: within 4.5 standard errors, or 20% where it is not exact.
  bool as_predicted() const;
  /// A flag of the report, by its member.
  bool seen(bool uncertainty::ValidityRow::*flag) const;
};

/// What all controls are measured with.
struct Setting {
  Tensor key;
  std::int64_t samples = 0;
  std::vector<double> times;
};

/// What posterior() says to a field with these metadata; "" if nothing.
std::string refusal_of(const flow::FieldMetadata& metadata);

/// The report of a field on data x1 whose metadata lie that all is well. Noise as `coupling` draws it, or
/// independent and standard normal; at time number i by the key fold_in(setting.key, i).
uncertainty::ValidityReport report_of(const flow::TimedField& v, const Tensor& x1, const Setting& setting,
                                      const flow::Coupling& coupling = nullptr);

/// Two independent normal elements of these variances.
inline const std::vector<double> kVariances{1.5, .3};
Tensor variances();
Tensor normal_data(const Tensor& key, std::int64_t count);
/// The calibration on independent standard noise, on the linear path, of a field m = mu + A (x - t mu) of
/// that data: with D = t^2 l + (1-t)^2 the sum over elements of l - 2 t A l + A^2 D over that of ((1-t)^2 /
/// t) A.
std::vector<double> linear_calibrations(const std::vector<double>& times,
                                        const std::function<double(double l, double t)>& slope);

/// The controls, in the order of the report; each takes a second or two.
Control optimal_coupling_own(const Setting& setting);
Control optimal_coupling_independent(const Setting& setting);
Control minibatch_coupling(const Setting& setting);
Control guidance(const Setting& setting, double scale);  ///< 1 is sound
Control average_velocity(const Setting& setting);
Control scaled_source(const Setting& setting, double scale);
Control pruned_source(const Setting& setting);

}  // namespace nabla::when_it_breaks
