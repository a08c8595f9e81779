#pragma once

#include <cfenv>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace nabla {

/// While it lives, arithmetic of this thread rounds to nearest, keeps denormals and traps nothing, whatever
/// the program has set: by hand, or by being linked with -ffast-math.
class FloatEnvironment {
 public:
  FloatEnvironment() : replaced_(!is_default()) {
    if (!replaced_) return;
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~FloatEnvironment() {
    if (replaced_) std::fesetenv(&before_);
  }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
  // To look takes nanoseconds, to save and to set up to a microsecond.
  static bool is_default() {
#if defined(__SSE2__)
    constexpr unsigned kFlags = 0x3f;  // of exceptions that have happened
    return (_mm_getcsr() & ~kFlags) == 0x1f80;
#else
    return false;
#endif
  }

  bool replaced_;
  std::fenv_t before_{};
};

}  // namespace nabla
