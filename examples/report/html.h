#pragma once

#include <string>
#include <string_view>

namespace nabla::report {

/// Text as it stands between tags or inside a quoted attribute.
std::string escaped(std::string_view text);

/// The same, with `words between backticks` set as code.
std::string escaped_with_code(std::string_view text);

/// The style sheet of a report: one column of text, light and dark, nothing loaded from elsewhere.
std::string_view style_sheet();

}  // namespace nabla::report
