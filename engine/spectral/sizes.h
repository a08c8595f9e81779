#pragma once

#include <cstddef>
#include <cstdint>

namespace nabla {

/// An extent or an index that is known not to be negative, as what indexes a vector.
inline std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

}  // namespace nabla
