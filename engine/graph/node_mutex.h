#pragma once

#include <mutex>

namespace nabla {

/// The lock of the table of all nodes, for whoever forks.
std::mutex& node_mutex();

}  // namespace nabla
