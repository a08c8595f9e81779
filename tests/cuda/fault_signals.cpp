#include "tests/cuda/fault_signals.h"

namespace nabla::cuda::host {

namespace {

constexpr std::size_t kSignalStackBytes = std::size_t{64} << 10;

thread_local FaultSignals::Handler handler_of_thread = nullptr;

void on_signal(int signal, siginfo_t* info, void*) {
  if (handler_of_thread != nullptr) handler_of_thread(signal, info->si_addr);
  // It happens again, then without us.
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  sigaction(signal, &usual, nullptr);
}

}  // namespace

FaultSignals::FaultSignals(Handler handler) : stack_(kSignalStackBytes) {
  stack_t stack{};
  stack.ss_sp = stack_.data();
  stack.ss_size = stack_.size();
  sigaltstack(&stack, &old_stack_);
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  // The handler may leave by another way than its end, so the signal must not be blocked.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &old_actions_[i]);
  handler_of_thread = handler;
}

FaultSignals::~FaultSignals() {
  handler_of_thread = nullptr;
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &old_actions_[i], nullptr);
  sigaltstack(&old_stack_, nullptr);
}

}  // namespace nabla::cuda::host
