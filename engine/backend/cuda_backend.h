#pragma once

#include <string>

#include "engine/backend/backend.h"

// What the rest of the engine sees of the CUDA backend. A build without it has the same functions.

namespace nabla::cuda {

/// Why it cannot be used; empty if it can.
std::string why_unusable();
/// @throws Error with why_unusable() where that is not empty.
const Backend& backend();
/// The GPU and the versions of what drives it.
std::string description();
/// Waits for all work. @throws Error if some of it failed.
void synchronize();

/// As nabla::memory_statistics(Device) and release_memory_cache(Device); nothing where cuda cannot be used.
MemoryStatistics memory_statistics();
void release_memory_cache();

}  // namespace nabla::cuda
