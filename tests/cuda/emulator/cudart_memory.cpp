#include <cuda_runtime_api.h>

#include <cstring>
#include <string>

#include "tests/cuda/emulator/machine.h"
#include "tests/cuda/emulator/memory.h"
#include "tests/cuda/emulator/work.h"

// Allocation, copies and fills.

namespace nabla::cuda::emulator {

namespace {

bool is_to_device(cudaMemcpyKind kind) {
  return kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
}
bool is_from_device(cudaMemcpyKind kind) {
  return kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
}

cudaMemcpyKind kind_of(cudaMemcpyKind kind, const void* to, const void* from) {
  if (kind != cudaMemcpyDefault) return kind;
  if (device_memory().owns(to))
    return device_memory().owns(from) ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice;
  return device_memory().owns(from) ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost;
}

/// Memory that is not pinned may lie anywhere but on the device, and is allowed where the call waits.
void check_range(const char* what, const void* pointer, std::size_t bytes, bool is_device, bool is_pinned) {
  const bool is_live = is_device                                  ? device_memory().holds(pointer, bytes)
                       : is_pinned || host_memory().owns(pointer) ? host_memory().holds(pointer, bytes)
                                                                  : !device_memory().owns(pointer);
  if (is_live) return;
  throw Failure{cudaErrorInvalidValue,
                "the " + std::string(what) + ", " + std::to_string(bytes) +
                    " bytes, does not lie in a live " +
                    (is_device ? "allocation of the device" : "allocation of pinned memory")};
}

/// Now, and when it runs: memory may have been freed.
Operation copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, bool is_pinned) {
  const auto check = [=] {
    check_range("target of a copy", to, bytes, is_to_device(kind), is_pinned);
    check_range("source of a copy", from, bytes, is_from_device(kind), is_pinned);
  };
  check();
  return [=] {
    check();
    for (const void* pointer : {static_cast<const void*>(to), from}) device_memory().reach(pointer, bytes);
    std::memmove(to, from, bytes);
    if (kind == cudaMemcpyHostToDevice) machine().counters.bytes_up += static_cast<std::int64_t>(bytes);
    if (kind == cudaMemcpyDeviceToHost) machine().counters.bytes_down += static_cast<std::int64_t>(bytes);
  };
}

cudaError_t allocate_host(void** pointer, std::size_t bytes) {
  forbid_in_capture("pinned memory is allocated");
  ++machine().counters.host_allocations;
  *pointer = bytes == 0 ? nullptr : host_memory().allocate(bytes);
  return *pointer == nullptr && bytes > 0 ? cudaErrorMemoryAllocation : cudaSuccess;
}

}  // namespace

}  // namespace nabla::cuda::emulator

using namespace nabla::cuda::emulator;

extern "C" {

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return runtime_call("cudaMalloc", [=] {
    forbid_in_capture("memory is allocated");
    *pointer = nullptr;
    ++machine().counters.allocations;
    if (bytes == 0) return cudaSuccess;
    if (device_memory().live_bytes() > machine().memory_limit ||
        bytes > machine().memory_limit - device_memory().live_bytes())
      return cudaErrorMemoryAllocation;
    *pointer = device_memory().allocate(bytes);
    return *pointer == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
  });
}

cudaError_t cudaFree(void* pointer) {
  return runtime_call("cudaFree", [=] {
    if (pointer == nullptr) return cudaSuccess;
    forbid_in_capture("memory is freed");
    // A device finishes its work first, too.
    if (const cudaError_t error = finish_all(); error != cudaSuccess) return error;
    if (!device_memory().free(pointer))
      throw Failure{cudaErrorInvalidValue, "no allocation of the device starts there"};
    ++machine().counters.frees;
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return runtime_call("cudaMemGetInfo", [=] {
    const std::size_t limit = machine().memory_limit;
    *total = limit;
    *free = limit - std::min(limit, device_memory().live_bytes());
    return cudaSuccess;
  });
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return runtime_call("cudaMallocHost", [=] { return allocate_host(pointer, bytes); });
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return runtime_call("cudaHostAlloc", [=] { return allocate_host(pointer, bytes); });
}

cudaError_t cudaFreeHost(void* pointer) {
  return runtime_call("cudaFreeHost", [=] {
    if (pointer == nullptr) return cudaSuccess;
    forbid_in_capture("pinned memory is freed");
    if (const cudaError_t error = finish_all(); error != cudaSuccess) return error;
    if (!host_memory().free(pointer))
      throw Failure{cudaErrorInvalidValue, "no allocation of pinned memory starts there"};
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t handle) {
  return runtime_call("cudaMemcpyAsync", [=] {
    const auto stream = stream_of(handle);
    if (bytes == 0) return cudaSuccess;
    return enqueue(stream, copy(to, from, bytes, kind_of(kind, to, from), true));
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return runtime_call("cudaMemcpy", [=] {
    forbid_in_capture("a copy waits");
    ++machine().counters.synchronisations;
    if (bytes == 0) return cudaSuccess;
    return run_now(copy(to, from, bytes, kind_of(kind, to, from), false));
  });
}

cudaError_t cudaMemsetAsync(void* pointer, int value, size_t bytes, cudaStream_t handle) {
  return runtime_call("cudaMemsetAsync", [=] {
    const auto stream = stream_of(handle);
    if (bytes == 0) return cudaSuccess;
    const auto check = [=] { check_range("target of a fill", pointer, bytes, true, true); };
    check();
    return enqueue(stream, [=] {
      check();
      device_memory().reach(pointer, bytes);
      std::memset(pointer, value, bytes);
    });
  });
}

}  // extern "C"
