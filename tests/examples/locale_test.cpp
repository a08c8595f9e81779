#include "examples/report/line_chart.h"
#include "examples/report/number.h"
#include "examples/report/progress.h"
#include "tests/comma_locale.h"

namespace nabla::report {

TEST_CASE("charts, numbers and progress do not depend on the locale") {
  const LineChart chart{"x", "y", {{"a", {0.25, 1000.5, 2000}, {1.5, 2.25, 1234.5}}}, {{1.75, "bound"}}};
  test::check_same_in_comma_locale([&] { return chart_html(chart); });
  test::check_same_in_comma_locale([] { return number(1234.5) + number(0.000123) + fixed(12345.678, 2); });
  test::check_same_in_comma_locale([] { return progress_line({"train", 100, 2000, 40.0, ""}, 4); });
}

}  // namespace nabla::report
