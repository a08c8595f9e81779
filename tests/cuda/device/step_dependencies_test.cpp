#include "engine/backend/cuda/step_dependencies.h"

#include <doctest/doctest.h>

#include <array>

namespace nabla::test {
namespace {

using cuda::StepMemory;
using Dependencies = std::vector<std::vector<int>>;

std::array<std::byte, 64> memory;
StepMemory::Piece piece(std::size_t start, std::size_t bytes) { return {memory.data() + start, bytes}; }

}  // namespace

TEST_CASE("a step waits for what it reads, and for readers of what it overwrites") {
  const std::vector<StepMemory> chain{{{}, {piece(0, 8)}},
                                      {{piece(0, 8)}, {piece(8, 8)}},
                                      {{piece(0, 8)}, {piece(16, 8)}},
                                      {{piece(8, 8), piece(16, 8)}, {piece(24, 8)}},
                                      {{piece(24, 8)}, {piece(0, 8)}}};  // written again
  // The last one overwrites what 1 and 2 read, for which 3 has waited.
  CHECK(cuda::step_dependencies(chain) == Dependencies{{}, {0}, {0}, {2, 1}, {3}});
}

TEST_CASE("a step waits for readers and writers of what it overwrites, also where nothing else joins them") {
  const std::vector<StepMemory> steps{{{piece(0, 8)}, {piece(8, 8)}},
                                      {{piece(16, 8)}, {piece(0, 8)}},   // over what 0 reads
                                      {{piece(16, 8)}, {piece(8, 8)}}};  // over what 0 makes
  CHECK(cuda::step_dependencies(steps) == Dependencies{{}, {0}, {0}});
}

TEST_CASE("steps that share nothing do not wait") {
  const std::vector<StepMemory> steps{
      {{piece(0, 8)}, {piece(8, 8)}}, {{piece(0, 8)}, {piece(16, 8)}}, {{piece(32, 8)}, {piece(24, 8)}}};
  CHECK(cuda::step_dependencies(steps) == Dependencies{{}, {}, {}});
}

TEST_CASE("pieces that overlap in part count, those that touch do not") {
  const std::vector<StepMemory> steps{{{}, {piece(0, 16)}},
                                      {{}, {piece(16, 16)}},
                                      {{piece(12, 8)}, {piece(40, 4)}},
                                      {{piece(42, 0)}, {piece(44, 4)}},
                                      {{}, {piece(8, 4)}},
                                      {{piece(48, 8)}, {piece(48, 8)}},  // in place
                                      {{piece(48, 8)}, {piece(56, 8)}}};
  CHECK(cuda::step_dependencies(steps) == Dependencies{{}, {}, {1, 0}, {}, {0}, {}, {5}});
}

}  // namespace nabla::test
