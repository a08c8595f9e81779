#include "engine/tensor/printable.h"

namespace nabla {

std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  for (const char character : text) {
    const auto code = static_cast<unsigned char>(character);
    if (code >= 0x20 && code != 0x7f) {
      shown += character;
    } else {
      shown += {'\\', 'x', kDigits[code >> 4], kDigits[code & 15]};
    }
  }
  return shown;
}

}  // namespace nabla
