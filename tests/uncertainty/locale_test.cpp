#include "tests/comma_locale.h"
#include "uncertainty/uncertainty.h"

namespace nabla::uncertainty {

TEST_CASE("a validity report and what speaks against a posterior do not depend on the locale") {
  nabla::test::check_same_in_comma_locale([] {
    std::string text = to_text(ValidityReport{{{.t = 0.25, .calibration = 1.125}}, {}});
    for (const std::string& reason : precondition_violations({.source_scale = 1.5}, flow::linear_path(), 2.5))
      text += reason;
    return text;
  });
}

}  // namespace nabla::uncertainty
