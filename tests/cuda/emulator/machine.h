#pragma once

#include <cuda_runtime_api.h>

#include <exception>
#include <mutex>
#include <optional>
#include <string>

#include "tests/cuda/emulator/emulator.h"

namespace nabla::cuda::emulator {

/// What a call or a piece of work did wrong.
struct Failure {
  cudaError_t code;
  std::string complaint;
};

/// What all of the emulator shares.
struct Machine {
  std::recursive_mutex mutex;
  Counters counters;
  std::size_t memory_limit = std::size_t{4} << 30;
  Presence presence = Presence::device;
  bool compiles_at_once = false;
  double convolution_refusals = 0;
  host::Order order = host::Order::forward;
  /// Of work that failed; every call returns it.
  cudaError_t sticky = cudaSuccess;
  std::string complaint;
};
Machine& machine();

/// Of the call that has just begun: the code that it is to fail with, if it is.
std::optional<int> injected_failure(const char* function);
/// Of a search for an algorithm of a convolution: does it find none?
bool is_search_refused();
void complain(const std::string& text);
/// What cudaGetLastError gives, in this thread.
cudaError_t& last_error();

/// Runs a function of the runtime: `f` returns its error or throws a Failure.
template <class F>
cudaError_t runtime_call(const char* function, const F& f) {
  const std::lock_guard lock(machine().mutex);
  cudaError_t error = cudaSuccess;
  if (const std::optional<int> code = injected_failure(function)) {
    error = static_cast<cudaError_t>(*code);
    complain("");
  } else if (machine().presence != Presence::device) {
    error = machine().presence == Presence::no_device ? cudaErrorNoDevice : cudaErrorInsufficientDriver;
  } else if (machine().sticky != cudaSuccess) {
    error = machine().sticky;
  } else {
    try {
      error = f();
      // What has been said of an earlier call is not about this one.
      if (error != machine().sticky) complain("");
    } catch (const Failure& failure) {
      complain(std::string(function) + ": " + failure.complaint);
      error = failure.code;
    }
  }
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error() = error;
  return error;
}

/// The same for a library with errors of its own: `failed` stands for all errors of the runtime.
template <class Status, class F>
Status library_call(const char* function, Status failed, const F& f) {
  const std::lock_guard lock(machine().mutex);
  if (const std::optional<int> code = injected_failure(function)) return static_cast<Status>(*code);
  if (machine().sticky != cudaSuccess) return failed;
  try {
    return f();
  } catch (const Failure& failure) {
    complain(std::string(function) + ": " + failure.complaint);
    return failed;
  }
}

}  // namespace nabla::cuda::emulator
