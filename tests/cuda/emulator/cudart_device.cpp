#include <cuda_runtime_api.h>

#include <cstring>
#include <set>

#include "tests/cuda/emulator/machine.h"
#include "tests/cuda/emulator/memory.h"
#include "tests/cuda/emulator/work.h"

// The device, its properties, and errors.

namespace nabla::cuda::emulator {

namespace {

constexpr int kVersion = CUDART_VERSION;
constexpr int kMajor = 9;
constexpr int kMinor = 0;
constexpr int kProcessors = 4;
constexpr int kSharedBytes = 48 << 10;
constexpr int kL2Bytes = 4 << 20;

cudaError_t check_device(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }

cudaError_t attribute(int* value, cudaDeviceAttr attribute) {
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor:
      *value = kMajor;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = kMinor;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = kProcessors;
      break;
    case cudaDevAttrWarpSize:
      *value = 32;
      break;
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      *value = 1024;
      break;
    case cudaDevAttrMaxBlockDimZ:
      *value = 64;
      break;
    case cudaDevAttrMaxGridDimX:
      *value = 0x7fffffff;
      break;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      *value = 65535;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = 2048;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = kSharedBytes;
      break;
    case cudaDevAttrL2CacheSize:
      *value = kL2Bytes;
      break;
    case cudaDevAttrUnifiedAddressing:
      *value = 1;
      break;
    case cudaDevAttrIntegrated:
    case cudaDevAttrManagedMemory:
    case cudaDevAttrConcurrentManagedAccess:
    case cudaDevAttrPageableMemoryAccess:
    case cudaDevAttrMemoryPoolsSupported:
      *value = 0;
      break;
    default:
      throw Failure{cudaErrorInvalidValue, "an attribute that the emulator does not know"};
  }
  return cudaSuccess;
}

}  // namespace

}  // namespace nabla::cuda::emulator

using namespace nabla::cuda::emulator;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  const cudaError_t error = runtime_call("cudaGetDeviceCount", [] { return cudaSuccess; });
  *count = error == cudaSuccess ? 1 : 0;
  return error;
}

cudaError_t cudaSetDevice(int device) {
  return runtime_call("cudaSetDevice", [=] { return check_device(device); });
}

cudaError_t cudaGetDevice(int* device) {
  return runtime_call("cudaGetDevice", [=] {
    *device = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int device) {
  return runtime_call("cudaDeviceGetAttribute",
                      [=] { return device == 0 ? attribute(value, which) : cudaErrorInvalidDevice; });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return runtime_call("cudaGetDeviceProperties", [=] {
    if (device != 0) return cudaErrorInvalidDevice;
    *properties = {};
    std::strcpy(properties->name, "Emulated device");
    properties->totalGlobalMem = machine().memory_limit;
    properties->major = kMajor;
    properties->minor = kMinor;
    properties->multiProcessorCount = kProcessors;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = 1024;
    properties->maxThreadsPerMultiProcessor = 2048;
    properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = 1024;
    properties->maxThreadsDim[2] = 64;
    properties->maxGridSize[0] = 0x7fffffff;
    properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
    properties->sharedMemPerBlock = kSharedBytes;
    properties->sharedMemPerMultiprocessor = kSharedBytes;
    properties->l2CacheSize = kL2Bytes;
    properties->regsPerBlock = 65536;
    properties->totalConstMem = 65536;
    properties->textureAlignment = 512;
    properties->unifiedAddressing = 1;
    properties->concurrentKernels = 1;
    properties->asyncEngineCount = 1;
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  // No driver is version 0 and no error.
  *version = machine().presence == Presence::device ? kVersion : 0;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = kVersion;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  return runtime_call("cudaDeviceSynchronize", [] {
    ++machine().counters.synchronisations;
    return finish_all();
  });
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error();
  last_error() = machine().sticky;
  return error;
}

cudaError_t cudaPeekAtLastError() { return last_error(); }

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNotReady:
      return "cudaErrorNotReady";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidDeviceFunction:
      return "cudaErrorInvalidDeviceFunction";
    case cudaErrorInvalidResourceHandle:
      return "cudaErrorInvalidResourceHandle";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated:
      return "cudaErrorStreamCaptureInvalidated";
    case cudaErrorSymbolNotFound:
      return "cudaErrorSymbolNotFound";
    default:
      return "cudaError";
  }
}

const char* cudaGetErrorString(cudaError_t error) {
  const std::lock_guard lock(machine().mutex);
  // Texts stay, as those of the library do.
  static auto& texts = *new std::set<std::string>;
  std::string text;
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      text = "out of memory";
      break;
    case cudaErrorNoDevice:
      text = "no CUDA-capable device is detected";
      break;
    case cudaErrorInsufficientDriver:
      text = "CUDA driver version is insufficient for CUDA runtime version";
      break;
    case cudaErrorIllegalAddress:
      text = "an illegal memory access was encountered";
      break;
    case cudaErrorInvalidValue:
      text = "invalid argument";
      break;
    default:
      text = cudaGetErrorName(error);
      break;
  }
  if (!machine().complaint.empty()) text += " (" + machine().complaint + ")";
  return texts.insert(text).first->c_str();
}

}  // extern "C"
