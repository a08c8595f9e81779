#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nabla::report {

/// Faint is for what lies behind another line, such as the raw values behind their average.
enum class LineStyle { solid, dashed, faint };

/// A named line. Values that the axes cannot show (NaN, or not positive on a logarithmic axis) leave a gap.
struct Series {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
  LineStyle style = LineStyle::solid;
  int colour = -1;  ///< which of the eight colours; -1: by position in the chart
};

/// A dashed horizontal line with a label, for a bound or a value to reach.
struct Reference {
  double y = 0.0;
  std::string name;
};

/// A line chart. Ranges that are not given follow from the data.
struct LineChart {
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  std::optional<Reference> reference = std::nullopt;
  bool logarithmic_x = false;
  bool logarithmic_y = false;
  std::optional<double> y_low = std::nullopt;   ///< the lowest y shown
  std::optional<double> y_high = std::nullopt;  ///< the highest y shown
};

/// The chart as HTML: a legend and an inline SVG that takes its colours from the report's style sheet.
/// Throws nabla::Error when x and y of a series differ in length or nothing can be shown.
std::string chart_html(const LineChart& chart);

}  // namespace nabla::report
