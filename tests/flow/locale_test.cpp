#include "flow/flow.h"
#include "tests/comma_locale.h"

namespace nabla::flow {

TEST_CASE("metadata and errors do not depend on the locale") {
  nabla::test::check_same_in_comma_locale([] {
    std::string text;
    for (const auto& [name, value] :
         FieldMetadata{.source_scale = 1.5, .seed = 12345, .step = 67890}.to_text())
      text += name + "=" + value + ";";
    return text;
  });
  nabla::test::check_same_in_comma_locale([]() -> std::string {
    try {
      graded_grid(0, 1, 4, 0.25);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  });
}

}  // namespace nabla::flow
