#pragma once

#include <signal.h>

#include <array>
#include <cstddef>
#include <vector>

namespace nabla::cuda::host {

/// While this lives, what its thread does wrong in terms of the processor (a bad address, a division by zero,
/// a trap) goes to a handler, on a stack of its own. If the handler returns, the program ends as usual. One
/// lives at a time.
class FaultSignals {
 public:
  using Handler = void (*)(int signal, const void* address);
  explicit FaultSignals(Handler handler);
  ~FaultSignals();
  FaultSignals(const FaultSignals&) = delete;
  FaultSignals& operator=(const FaultSignals&) = delete;

 private:
  static constexpr std::array kSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  std::vector<std::byte> stack_;
  stack_t old_stack_{};
  std::array<struct sigaction, kSignals.size()> old_actions_{};
};

}  // namespace nabla::cuda::host
