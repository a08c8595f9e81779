#include "examples/report/report.h"

#include <doctest/doctest.h>

#include <cctype>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "engine/tensor/error.h"
#include "examples/report/html.h"
#include "tests/io/scratch.h"

namespace nabla::report {
namespace {

/// The name of the first tag that is not closed in its turn, or "" when all are.
std::string first_unbalanced_tag(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    if (end == std::string::npos) return html.substr(at);
    const bool closing = html[at + 1] == '/';
    std::string name;
    for (std::size_t i = at + (closing ? 2 : 1); std::isalnum(static_cast<unsigned char>(html[i])) != 0;
         ++i) {
      name += html[i];
    }
    if (name.empty() || name == "meta" || name == "img" || html[end - 1] == '/') continue;
    if (!closing) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return name;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

Report full_report() {
  Report report("Digits & <more>");
  report.heading("Heading");
  report.subheading("Subheading");
  report.paragraph("A < b & `x<y>` \"quoted\"");
  report.preformatted("a\n  b");
  report.facts({{"steps", "100"}, {"loss", "0.5"}});
  report.table({"name", "value"}, {{"a", "1.5"}, {"b", "−2"}}, "Caption");
  const Image image = image_grid(std::vector<double>(8, 0.5), 2, 2, {});
  report.figure({image, "One", 4});
  report.figures({{image, "Two", 2}, {image, "", 2}});
  LineChart chart{
      "step", "loss", {{"one", {1, 2, 3}, {3, 2, 1}}, {"two", {1, 3}, {1, 2}}}, Reference{1.5, "goal"}};
  report.chart(chart, "A chart");
  report.footer("made by a test");
  return report;
}

}  // namespace

TEST_CASE("a report closes every tag, escapes its text and loads nothing") {
  const std::string html = full_report().html();
  CHECK(html.starts_with("<!DOCTYPE html>"));
  CHECK(first_unbalanced_tag(html) == "");
  CHECK(html.find("http") == std::string::npos);
  CHECK(html.find("<script") == std::string::npos);
  CHECK(html.find("<title>Digits &amp; &lt;more&gt;</title>") != std::string::npos);
  CHECK(html.find("A &lt; b &amp; <code>x&lt;y&gt;</code> &quot;quoted&quot;") != std::string::npos);
  CHECK(count(html, "data:image/png;base64,iVBOR") == 3);
  CHECK(html.find("width=\"28\" height=\"16\"") != std::string::npos);
  CHECK(html.find("<td>a</td><td class=\"right\">1.5</td>") != std::string::npos);
}

TEST_CASE("a report writes its page") {
  const io::test::ScratchDirectory scratch;
  full_report().write(scratch / "out/report.html");
  CHECK(io::test::slurp(scratch / "out/report.html") == full_report().html());
}

TEST_CASE("a table with a row of another length is refused") {
  Report report("title");
  CHECK_THROWS_WITH_AS(report.table({"a", "b"}, {{"1"}}), doctest::Contains("a row has 1 cells"), Error);
}

TEST_CASE("a lone backtick stays a backtick") {
  CHECK(escaped_with_code("a `b` c ` d") == "a <code>b</code> c ` d");
}

TEST_CASE("a chart draws one stroke per series and breaks it at gaps") {
  LineChart chart{"x", "y", {{"a", {1, 2, 3, 4, 5}, {1, 2, std::nan(""), 2, 1}}}, {}};
  CHECK(count(chart_html(chart), "<path class=\"line\"") == 2);
  chart.logarithmic_y = true;
  chart.series[0].y[0] = 0.0;
  CHECK(count(chart_html(chart), "<path class=\"line\"") == 1);
  CHECK(count(chart_html(chart), "<circle") == 3);
  CHECK(chart_html(chart).find("nan") == std::string::npos);
}

TEST_CASE("a chart thins a long series but keeps its spike") {
  LineChart chart{"x", "y", {{"a", {}, {}}}, {}};
  for (int i = 0; i < 100'000; ++i) {
    chart.series[0].x.push_back(i);
    chart.series[0].y.push_back(i == 54'321 ? 10.0 : std::sin(0.01 * i));
  }
  chart.y_high = 10.0;
  const std::string html = chart_html(chart);
  CHECK(html.size() < 60'000);
  // The top of the plot area.
  CHECK(html.find(" 28L") != std::string::npos);
}

TEST_CASE("charts of one point, of equal values and of a narrow logarithmic range are drawn") {
  LineChart chart{"x", "y", {{"a", {2}, {0}}}, {}};
  CHECK(count(chart_html(chart), "<circle") == 1);
  chart.series[0] = {"a", {1, 2}, {5, 5}};
  CHECK(count(chart_html(chart), "<path") == 1);
  chart.series[0] = {"a", {1, 2}, {0.31, 0.39}};
  chart.logarithmic_y = true;
  CHECK(chart_html(chart).find(">0.35<") != std::string::npos);
}

TEST_CASE("a chart refuses series that cannot be drawn") {
  LineChart chart{"x", "loss", {{"a", {1, 2}, {1}}}, {}};
  CHECK_THROWS_WITH_AS(chart_html(chart), doctest::Contains("'a' has 2 values of x and 1 of y"), Error);
  chart.series[0] = {"a", {1, 2}, {std::nan(""), std::nan("")}};
  CHECK_THROWS_WITH_AS(chart_html(chart), doctest::Contains("'loss' has no value"), Error);
}

}  // namespace nabla::report
