#include "examples/report/html.h"

#include <cstddef>

#include "engine/tensor/escaped.h"

namespace nabla::report {

std::string escaped_with_code(std::string_view text) {
  std::string result;
  for (;;) {
    const std::size_t open = text.find('`');
    const std::size_t close = open == std::string_view::npos ? open : text.find('`', open + 1);
    if (close == std::string_view::npos) return result + escaped(text);
    result += escaped(text.substr(0, open));
    result += "<code>" + escaped(text.substr(open + 1, close - open - 1)) + "</code>";
    text.remove_prefix(close + 1);
  }
}

}  // namespace nabla::report
