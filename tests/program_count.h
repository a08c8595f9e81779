#pragma once

#include <cstdint>
#include <cstdlib>

namespace nabla::test {

inline std::uint64_t from_environment(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

/// How many random programs or networks a test draws: NABLAFLOW_FUZZ_PROGRAMS, or 1000.
inline std::uint64_t program_count() { return from_environment("NABLAFLOW_FUZZ_PROGRAMS", 1000); }

}  // namespace nabla::test
