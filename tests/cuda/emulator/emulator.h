#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/cuda/block_runner.h"

// A device for tests on machines without one. The sources beside this file define the functions of the CUDA
// runtime, NVRTC, cuBLASLt and cuDNN that the backend calls; a program that links them has these instead of
// the libraries' own. They are stricter than a device:
//
//  - Work on a stream runs only when something waits for it, and no more of it than that needs.
//  - Device memory can be touched by work on streams alone; the host that follows such a pointer crashes.
//  - Device memory is filled with 0xff at first, has guards around it, and its addresses are not used again.
//  - Asynchronous copies take pinned memory only.
//  - Every range must lie in one live allocation, and so must what pointers of kernels and products point to.
//  - A workspace is overwritten.
//
// Everything is safe to call from several threads, and runs on the one that waits.

namespace nabla::cuda::emulator {

/// What has been called, or run, since the last reset_counters().
struct Counters {
  std::int64_t allocations = 0;       ///< cudaMalloc
  std::int64_t frees = 0;             ///< cudaFree
  std::int64_t host_allocations = 0;  ///< pinned memory
  std::int64_t synchronisations = 0;  ///< waits for a stream, an event or the device, and cudaMemcpy
  std::int64_t launches = 0;          ///< cudaLaunchKernel, captured or not
  std::int64_t kernels_run = 0;
  std::int64_t products_run = 0;
  std::int64_t convolutions_run = 0;
  std::int64_t graph_instantiations = 0;
  std::int64_t graph_launches = 0;
  std::int64_t bytes_up = 0;    ///< copied to the device
  std::int64_t bytes_down = 0;  ///< copied to the host
  std::int64_t cubins_compiled = 0;
};
Counters counters();
void reset_counters();

/// Bytes of live allocations.
std::size_t device_bytes();
std::size_t host_bytes();

/// Of the device: cudaMalloc beyond it is cudaErrorMemoryAllocation. 4 GiB at first.
void set_memory_limit(std::size_t bytes);

/// What a program finds: without a device the functions that need one say so.
enum class Presence { device, no_device, old_driver };
void set_presence(Presence presence);

/// The call number `nth` of that function from now on (1: the next one) does nothing but return `code`, an
/// error of the function's library.
void fail_call(const std::string& function, int nth, int code);
/// No call fails any more but by its own fault.
void fail_no_calls();

/// The share of searches for an algorithm of a convolution that find none that a careful caller takes, drawn
/// at random from a fixed seed: all by 1, none by 0, as at first.
void set_convolution_refusals(double share);

/// Whether NVRTC compiles a text when it is told to, and finds errors in it, or together with all others when
/// the first kernel runs, which saves much time; errors in a text are then errors of the work. Off at first.
void set_compiles_at_once(bool at_once);

/// In which order blocks and threads run; forward at first.
void set_order(host::Order order);

/// What was wrong with the last call or work that was refused, or "". Also part of cudaGetErrorString().
std::string last_complaint();

/// An error in queued work stays until this: every call returns it.
void clear_error();

}  // namespace nabla::cuda::emulator
