#pragma once

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace nabla::cuda::host {

/// A call on a stack of its own that can be left in the middle and taken up again.
class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// The next resume() calls `function(argument)`; what the fiber was in the middle of is forgotten.
  void start(void (*function)(void*), void* argument);
  /// Runs until suspend() or the end of the function. @return true at its end.
  bool resume();
  /// Back to where resume() was called; only on this fiber's stack, or in a signal handler that interrupted
  /// it.
  void suspend();

  /// Is the address where the stack goes when it overflows?
  bool overflows_at(const void* address) const;

 private:
#if defined(__x86_64__)
  using Context = void*;  // the stack pointer; what it points to are the registers
#else
  using Context = ucontext_t;
#endif
  friend void enter_fiber(Fiber* fiber);

  std::byte* memory_;  // what an overflow runs into, and the stack
  Context own_{};
  Context caller_{};
  void (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
  bool ended_ = true;
  // What the address sanitizer wants to know of the caller.
  const void* caller_stack_ = nullptr;
  std::size_t caller_stack_bytes_ = 0;
};

}  // namespace nabla::cuda::host
