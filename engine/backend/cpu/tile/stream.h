#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

// Hints about memory beyond the caches. They change no value.

namespace nabla::cpu {

inline constexpr std::int64_t kCacheLine = 64;

/// Asks for the line at an address.
inline void prefetch_line([[maybe_unused]] const std::byte* at) {
#ifdef __GNUC__
  __builtin_prefetch(at);
#endif
}

/// Copies past the caches: for large results, which would only push out what is still needed and would be
/// read from memory before they are written. Followed by stream_fence() on the same thread.
inline void stream_copy(std::byte* to, const std::byte* from, std::int64_t bytes) {
#if defined(__x86_64__)
  const std::int64_t head =
      (kCacheLine - static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % kCacheLine)) %
      kCacheLine;
  std::int64_t done = head < bytes ? head : bytes;
  std::memcpy(to, from, done);
  for (; done + kCacheLine <= bytes; done += kCacheLine)
    for (std::int64_t part = 0; part < kCacheLine; part += 16)
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + done + part),
                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + done + part)));
  std::memcpy(to + done, from + done, bytes - done);
#else
  std::memcpy(to, from, bytes);
#endif
}

/// Makes this thread's stream_copy() visible to others.
inline void stream_fence() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

}  // namespace nabla::cpu
