#include "tests/cuda/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace nabla::cuda::host {

namespace {

constexpr std::size_t kGuardBytes = std::size_t{1} << 20;  // large arrays reach far
constexpr std::size_t kFiberStackBytes = std::size_t{128} << 10;

#if defined(__SANITIZE_ADDRESS__)
void before_switch(void** fake_stack, const void* stack, std::size_t bytes) {
  __sanitizer_start_switch_fiber(fake_stack, stack, bytes);
}
void after_switch(void* fake_stack, const void** left, std::size_t* left_bytes) {
  __sanitizer_finish_switch_fiber(fake_stack, left, left_bytes);
}
void forget(const void* stack, std::size_t bytes) { __asan_unpoison_memory_region(stack, bytes); }
#else
void before_switch(void**, const void*, std::size_t) {}
void after_switch(void*, const void**, std::size_t*) {}
void forget(const void*, std::size_t) {}
#endif

}  // namespace

#if defined(__x86_64__)

// Pushes the registers that a call preserves, leaves the stack pointer in *from, and takes all that from
// `to`. A new stack holds the fiber in r12 and returns to nablaflow_fiber_entry.
extern "C" void nablaflow_switch_stack(void** from, void* to);
extern "C" void nablaflow_fiber_entry();
asm(R"(
.text
.type nablaflow_switch_stack, @function
nablaflow_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.type nablaflow_fiber_entry, @function
nablaflow_fiber_entry:
  movq %r12, %rdi
  call nablaflow_enter_fiber
)");

namespace {

void switch_context(void** from, void** to) { nablaflow_switch_stack(from, *to); }

}  // namespace

void enter_fiber(Fiber* fiber);
extern "C" void nablaflow_enter_fiber(void* fiber) { enter_fiber(static_cast<Fiber*>(fiber)); }

#else

namespace {

void switch_context(ucontext_t* from, ucontext_t* to) { swapcontext(from, to); }

}  // namespace

void enter_fiber(Fiber* fiber);
// makecontext hands over ints.
extern "C" void nablaflow_enter_fiber(unsigned high, unsigned low) {
  enter_fiber(reinterpret_cast<Fiber*>(std::uintptr_t{high} << 32 | low));
}

#endif

void enter_fiber(Fiber* fiber) {
  after_switch(nullptr, &fiber->caller_stack_, &fiber->caller_stack_bytes_);
  fiber->function_(fiber->argument_);
  fiber->ended_ = true;
  before_switch(nullptr, fiber->caller_stack_, fiber->caller_stack_bytes_);
  switch_context(&fiber->own_, &fiber->caller_);
  __builtin_unreachable();
}

Fiber::Fiber() {
  void* memory = mmap(nullptr, kGuardBytes + kFiberStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, kGuardBytes, PROT_NONE) != 0) throw std::bad_alloc();
  memory_ = static_cast<std::byte*>(memory);
}

Fiber::~Fiber() { munmap(memory_, kGuardBytes + kFiberStackBytes); }

void Fiber::start(void (*function)(void*), void* argument) {
  std::byte* stack = memory_ + kGuardBytes;
  if (!ended_) forget(stack, kFiberStackBytes);
  function_ = function;
  argument_ = argument;
  ended_ = false;
#if defined(__x86_64__)
  void* const frame[] = {nullptr, nullptr, nullptr,
                         this,  // r15 r14 r13 r12
                         nullptr, nullptr, reinterpret_cast<void*>(&nablaflow_fiber_entry)};
  own_ = stack + kFiberStackBytes - sizeof(frame);
  std::memcpy(own_, frame, sizeof(frame));
#else
  getcontext(&own_);
  own_.uc_stack.ss_sp = stack;
  own_.uc_stack.ss_size = kFiberStackBytes;
  own_.uc_link = nullptr;
  const std::uintptr_t self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&own_, reinterpret_cast<void (*)()>(&nablaflow_enter_fiber), 2,
              static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
#endif
}

bool Fiber::resume() {
  void* fake_stack = nullptr;
  before_switch(&fake_stack, memory_ + kGuardBytes, kFiberStackBytes);
  switch_context(&caller_, &own_);
  after_switch(fake_stack, nullptr, nullptr);
  return ended_;
}

void Fiber::suspend() {
  void* fake_stack = nullptr;
  before_switch(&fake_stack, caller_stack_, caller_stack_bytes_);
  switch_context(&own_, &caller_);
  after_switch(fake_stack, &caller_stack_, &caller_stack_bytes_);
}

bool Fiber::overflows_at(const void* address) const {
  const auto* place = static_cast<const std::byte*>(address);
  return memory_ <= place && place < memory_ + kGuardBytes;
}

}  // namespace nabla::cuda::host
