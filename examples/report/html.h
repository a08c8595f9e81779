#pragma once

#include <string>
#include <string_view>

namespace nabla::report {

/// Writes text for HTML, escaped, with `words between backticks` set as code.
std::string escaped_with_code(std::string_view text);

/// The style sheet of a report: one column of text, light and dark, nothing loaded from elsewhere.
std::string_view style_sheet();

}  // namespace nabla::report
