#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace nabla {

/// Vertices of least total size without which no path leads from `source` to `sink`, in ascending order; the
/// two ends may be among them. By maximal flow (Ford and Fulkerson, Can. J. Math. 8, 1956) along shortest
/// paths.
std::vector<int> narrowest_cut(std::span<const std::int64_t> sizes,
                               std::span<const std::pair<int, int>> edges, int source, int sink);

}  // namespace nabla
