#pragma once

#include <string>
#include <string_view>

namespace nabla {

/// Writes text as it stands in HTML between tags or inside a quoted attribute.
std::string escaped(std::string_view text);

}  // namespace nabla
