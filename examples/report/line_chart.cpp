#include "examples/report/line_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "engine/tensor/error.h"
#include "engine/tensor/escaped.h"
#include "engine/tensor/number_text.h"
#include "examples/report/axis.h"
#include "examples/report/html.h"

namespace nabla::report {
namespace {

// The picture is 736 wide, the width of the text column, so a unit is about a pixel.
constexpr double kWidth = 736, kHeight = 360;
constexpr double kLeft = 56, kRight = 720, kTop = 28, kBottom = 312;

// A line with fewer points shows each of them.
constexpr std::size_t kMaxMarkers = 24;
// More points than this cannot be told apart; they are thinned so that the file stays small.
constexpr std::size_t kMaxBuckets = 500;

constexpr int kColours = 8;

struct Point {
  double x = 0.0;
  double y = 0.0;
};
using Stroke = std::vector<Point>;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

/// A length in the picture, to a tenth of a unit.
std::string unit(double value) { return number_text(std::round(value * 10.0) / 10.0); }

bool shown(double value, bool logarithmic) { return std::isfinite(value) && (!logarithmic || value > 0.0); }

Axis x_axis(const LineChart& chart, const Range& range) {
  return Axis(range.low, range.high, chart.logarithmic_x, /*round_out=*/false);
}

Axis y_axis(const LineChart& chart, Range range) {
  if (chart.reference) range.include(chart.reference->y);
  if (chart.logarithmic_y && range.high > range.low) {
    // A little air, which rounding out to ticks gives a linear axis.
    const double air = std::pow(range.high / range.low, 0.04);
    range.low /= air;
    range.high *= air;
  }
  if (chart.y_low) range.low = *chart.y_low;
  if (chart.y_high) range.high = *chart.y_high;
  return Axis(range.low, range.high, chart.logarithmic_y, /*round_out=*/true);
}

/// Keeps the first, lowest, highest and last point of each bucket, so that spikes survive.
Stroke thinned(const Stroke& stroke) {
  if (stroke.size() <= 4 * kMaxBuckets) return stroke;
  Stroke points;
  for (std::size_t bucket = 0; bucket < kMaxBuckets; ++bucket) {
    const std::size_t begin = bucket * stroke.size() / kMaxBuckets;
    const std::size_t end = (bucket + 1) * stroke.size() / kMaxBuckets;
    std::array<std::size_t, 4> indices = {begin, begin, begin, end - 1};
    for (std::size_t i = begin; i < end; ++i) {
      if (stroke[i].y < stroke[indices[1]].y) indices[1] = i;
      if (stroke[i].y > stroke[indices[2]].y) indices[2] = i;
    }
    std::sort(indices.begin(), indices.end());
    const auto unique_end = std::unique(indices.begin(), indices.end());
    for (auto index = indices.begin(); index != unique_end; ++index) points.push_back(stroke[*index]);
  }
  return points;
}

/// Draws one chart, part by part.
class Drawing {
 public:
  Drawing(const LineChart& chart, const Range& x, const Range& y)
      : chart_(chart), x_(x_axis(chart, x)), y_(y_axis(chart, y)) {}

  std::string html() {
    text_ += "<svg viewBox=\"0 0 " + unit(kWidth) + " " + unit(kHeight) + "\" role=\"img\" aria-label=\"" +
             escaped(chart_.y_label + " against " + chart_.x_label) + "\">\n";
    axes();
    for (std::size_t i = 0; i < chart_.series.size(); ++i) series(chart_.series[i], i);
    if (chart_.reference) reference(*chart_.reference);
    text_ += "</svg>\n";
    return text_;
  }

 private:
  double column(double x) const { return kLeft + x_.position(x) * (kRight - kLeft); }
  double row(double y) const { return kBottom - std::clamp(y_.position(y), -0.02, 1.02) * (kBottom - kTop); }

  void axes() {
    for (const Tick& tick : y_.ticks()) {
      const double y = row(tick.value);
      line("grid", kLeft, y, kRight, y);
      words("", "end", kLeft - 8, y + 4, tick.label);
    }
    line("base", kLeft, kBottom, kRight, kBottom);
    for (const Tick& tick : x_.ticks()) {
      const double x = column(tick.value);
      line("base", x, kBottom, x, kBottom + 5);
      words("", "middle", x, kBottom + 20, tick.label);
    }
    // Both labels stand upright: the vertical axis has its name above, not along the side.
    words("label", "start", 0, 12, chart_.y_label);
    words("label", "end", kRight, kHeight - 8, chart_.x_label);
  }

  void reference(const Reference& reference) {
    const double y = row(reference.y);
    line("reference", kLeft, y, kRight, y);
    words("halo", "end", kRight, y + 16 < kBottom ? y + 16 : y - 7, reference.name);
  }

  void series(const Series& series, std::size_t index) {
    const int colour = series.colour >= 0 ? series.colour : static_cast<int>(index);
    text_ += "<g style=\"--c:var(--series-" + std::to_string(colour % kColours) + ")\"><title>" +
             escaped(series.name) + "</title>\n";
    for (const Stroke& stroke : strokes(series)) draw(stroke, series);
    text_ += "</g>\n";
  }

  void draw(const Stroke& stroke, const Series& series) {
    if (stroke.size() > 1) {
      text_ += "<path class=\"line";
      text_ += series.style == LineStyle::dashed  ? " dashed"
               : series.style == LineStyle::faint ? " faint"
                                                  : "";
      text_ += "\" d=\"";
      char command = 'M';
      for (const Point& point : thinned(stroke)) {
        text_ += command + unit(point.x) + " " + unit(point.y);
        command = 'L';
      }
      text_ += "\"/>\n";
    }
    const bool few = series.x.size() <= kMaxMarkers && series.style == LineStyle::solid;
    if (!few && stroke.size() > 1) return;
    for (const Point& point : stroke) {
      text_ +=
          "<circle class=\"point\" cx=\"" + unit(point.x) + "\" cy=\"" + unit(point.y) + "\" r=\"3\"/>\n";
    }
  }

  /// The runs of points between gaps, in the picture's coordinates.
  std::vector<Stroke> strokes(const Series& series) const {
    std::vector<Stroke> result(1);
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (x_.can_show(series.x[i]) && y_.can_show(series.y[i])) {
        result.back().push_back({column(series.x[i]), row(series.y[i])});
      } else if (!result.back().empty()) {
        result.emplace_back();
      }
    }
    return result;
  }

  void line(const char* style, double x1, double y1, double x2, double y2) {
    text_ += std::string("<line class=\"") + style + "\" x1=\"" + unit(x1) + "\" y1=\"" + unit(y1) +
             "\" x2=\"" + unit(x2) + "\" y2=\"" + unit(y2) + "\"/>\n";
  }

  void words(const std::string& style, const char* anchor, double x, double y, const std::string& content) {
    text_ += "<text" + (style.empty() ? "" : " class=\"" + style + "\"") + " text-anchor=\"" + anchor +
             "\" x=\"" + unit(x) + "\" y=\"" + unit(y) + "\">" + escaped(content) + "</text>\n";
  }

  const LineChart& chart_;
  Axis x_;
  Axis y_;
  std::string text_;
};

std::string legend(const LineChart& chart) {
  if (chart.series.size() < 2) return "";
  std::string html = "<ul class=\"legend\">\n";
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    if (series.name.empty()) continue;
    const int colour = series.colour >= 0 ? series.colour : static_cast<int>(i);
    const char* style = series.style == LineStyle::dashed  ? " dashed"
                        : series.style == LineStyle::faint ? " faint"
                                                           : "";
    html += "<li style=\"--c:var(--series-" + std::to_string(colour % kColours) +
            ")\"><svg viewBox=\"0 0 24 10\" aria-hidden=\"true\"><path class=\"line" + style +
            "\" d=\"M1 5H23\"/></svg>" + escaped(series.name) + "</li>\n";
  }
  return html + "</ul>\n";
}

}  // namespace

std::string chart_html(const LineChart& chart) {
  Range x;
  Range y;
  for (const Series& series : chart.series) {
    if (series.x.size() != series.y.size()) {
      throw Error("chart_html: series '" + series.name + "' has " + std::to_string(series.x.size()) +
                  " values of x and " + std::to_string(series.y.size()) + " of y");
    }
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!shown(series.x[i], chart.logarithmic_x) || !shown(series.y[i], chart.logarithmic_y)) continue;
      x.include(series.x[i]);
      y.include(series.y[i]);
    }
  }
  if (x.low > x.high)
    throw Error("chart_html: the chart of '" + chart.y_label + "' has no value that can be shown");
  return legend(chart) + Drawing(chart, x, y).html();
}

}  // namespace nabla::report
