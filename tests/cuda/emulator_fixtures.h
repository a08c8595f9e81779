#pragma once

#include <cuda_runtime_api.h>
#include <doctest/doctest.h>
#include <nvrtc.h>

#include <array>
#include <string>
#include <vector>

#include "tests/cuda/emulator/emulator.h"

// What tests of the emulated device use it by.

namespace nabla::cuda::emulator {

/// Device memory of floats, freed at the end.
struct DeviceFloats {
  explicit DeviceFloats(std::size_t count) {
    REQUIRE(cudaMalloc(reinterpret_cast<void**>(&at), count * sizeof(float)) == cudaSuccess);
  }
  explicit DeviceFloats(const std::vector<float>& values) : DeviceFloats(values.size()) {
    REQUIRE(cudaMemcpy(at, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice) ==
            cudaSuccess);
  }
  ~DeviceFloats() { cudaFree(at); }
  DeviceFloats(const DeviceFloats&) = delete;
  DeviceFloats& operator=(const DeviceFloats&) = delete;
  std::vector<float> values(std::size_t count) const {
    std::vector<float> result(count);
    REQUIRE(cudaMemcpy(result.data(), at, count * sizeof(float), cudaMemcpyDeviceToHost) == cudaSuccess);
    return result;
  }
  float* at = nullptr;
};

/// Pinned memory of floats.
struct PinnedFloats {
  explicit PinnedFloats(std::size_t count) {
    REQUIRE(cudaMallocHost(reinterpret_cast<void**>(&at), count * sizeof(float)) == cudaSuccess);
  }
  ~PinnedFloats() { cudaFreeHost(at); }
  PinnedFloats(const PinnedFloats&) = delete;
  PinnedFloats& operator=(const PinnedFloats&) = delete;
  float* at = nullptr;
};

/// A stream that does not wait for the default one.
struct TestStream {
  TestStream() { REQUIRE(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess); }
  ~TestStream() { cudaStreamDestroy(stream); }
  TestStream(const TestStream&) = delete;
  TestStream& operator=(const TestStream&) = delete;
  cudaStream_t stream = nullptr;
};

/// What NVRTC makes of a text, and says of it.
inline nvrtcResult compiled(const std::string& text, std::vector<char>& image, std::string& log) {
  nvrtcProgram program = nullptr;
  REQUIRE(nvrtcCreateProgram(&program, text.c_str(), "test.cu", 0, nullptr, nullptr) == NVRTC_SUCCESS);
  const std::array options = {"--gpu-architecture=sm_90", "-std=c++17", "--fmad=false", "-default-device"};
  const nvrtcResult result = nvrtcCompileProgram(program, static_cast<int>(options.size()), options.data());
  std::size_t bytes = 0;
  REQUIRE(nvrtcGetProgramLogSize(program, &bytes) == NVRTC_SUCCESS);
  log.resize(bytes);
  REQUIRE(nvrtcGetProgramLog(program, log.data()) == NVRTC_SUCCESS);
  if (result == NVRTC_SUCCESS) {
    REQUIRE(nvrtcGetCUBINSize(program, &bytes) == NVRTC_SUCCESS);
    image.resize(bytes);
    REQUIRE(nvrtcGetCUBIN(program, image.data()) == NVRTC_SUCCESS);
  }
  CHECK(nvrtcDestroyProgram(&program) == NVRTC_SUCCESS);
  CHECK(program == nullptr);
  return result;
}

/// A kernel of a text.
struct LoadedKernel {
  LoadedKernel(const std::string& text, const char* name) {
    std::vector<char> image;
    std::string log;
    REQUIRE(compiled(text, image, log) == NVRTC_SUCCESS);
    REQUIRE(cudaLibraryLoadData(&library, image.data(), nullptr, nullptr, 0, nullptr, nullptr, 0) ==
            cudaSuccess);
    REQUIRE(cudaLibraryGetKernel(&kernel, library, name) == cudaSuccess);
  }
  ~LoadedKernel() { cudaLibraryUnload(library); }
  LoadedKernel(const LoadedKernel&) = delete;
  LoadedKernel& operator=(const LoadedKernel&) = delete;

  template <class... T>
  cudaError_t launch(cudaStream_t stream, unsigned blocks, unsigned threads, T... arguments) const {
    std::array<void*, sizeof...(T)> pointers = {&arguments...};
    return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(blocks), dim3(threads),
                            pointers.data(), 0, stream);
  }
  cudaLibrary_t library = nullptr;
  cudaKernel_t kernel = nullptr;
};

inline const std::string kScale = R"(
extern "C" __global__ void scale(const float* x, float* y, i64 n) {
  const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = 2 * x[i] + 1;
})";

/// Leaves the emulator as it was, whatever a test has set.
struct Clean {
  ~Clean() {
    clear_error();
    fail_no_calls();
    set_presence(Presence::device);
    set_memory_limit(std::size_t{4} << 30);
    set_compiles_at_once(false);
  }
};

}  // namespace nabla::cuda::emulator
