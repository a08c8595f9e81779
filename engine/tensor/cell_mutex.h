#pragma once

#include <mutex>

namespace nabla {

/// The lock of all cells, for whoever forks; under it the child, which has no other threads, says so.
std::mutex& cell_mutex();
void forget_waiting_threads();

}  // namespace nabla
