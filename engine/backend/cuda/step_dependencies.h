#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace nabla::cuda {

/// What a step reads and writes: pieces of memory, which may overlap.
struct StepMemory {
  struct Piece {
    const std::byte* start;
    std::size_t bytes;
  };
  std::vector<Piece> read, written;
};

/// For each step the earlier ones that it must wait for: those that make what it reads, and those that read
/// or make what it overwrites. Without those that others of them wait for. A plan's memory is planned for its
/// order, in which one step takes over what an earlier one is done with, so that this follows from memory
/// alone.
std::vector<std::vector<int>> step_dependencies(std::span<const StepMemory> steps);

}  // namespace nabla::cuda
