#include <cublasLt.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <thread>

#include "tests/cuda/emulator_fixtures.h"

// That the emulated device finds what a device may let pass, and fails where it is told to.

namespace nabla::cuda::emulator {
namespace {

TEST_CASE("copies take pinned memory and live allocations") {
  const Clean clean;
  const TestStream s;
  std::vector<float> pageable(10);
  const PinnedFloats host(10);
  const DeviceFloats x(10);
  const auto up = [&](void* to, const void* from, std::size_t bytes) {
    return cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, s.stream);
  };
  CHECK(up(x.at, pageable.data(), 40) == cudaErrorInvalidValue);
  CHECK(last_complaint().find("pinned") != std::string::npos);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(up(x.at, host.at, 44) == cudaErrorInvalidValue);
  CHECK(up(x.at + 1, host.at, 40) == cudaErrorInvalidValue);
  CHECK(up(host.at, x.at, 40) == cudaErrorInvalidValue);
  CHECK(up(x.at + 9, host.at + 9, 4) == cudaSuccess);
  CHECK(cudaMemsetAsync(x.at, 0, 41, s.stream) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(pageable.data(), x.at, 44, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(x.at, x.at, 40, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaFree(x.at + 1) == cudaErrorInvalidValue);
  CHECK(cudaFreeHost(host.at + 1) == cudaErrorInvalidValue);
  CHECK(cudaStreamSynchronize(s.stream) == cudaSuccess);
  // Fresh memory is not zero.
  for (const float v : x.values(9)) CHECK(std::isnan(v));
  const std::uintptr_t place = reinterpret_cast<std::uintptr_t>(x.at);
  CHECK(place % 256 == 0);
}

TEST_CASE("work that fails is reported where something waits for it, and stays") {
  const TestStream s;
  const DeviceFloats x(std::vector<float>(64, 1.0F));
  const DeviceFloats y(64);
  const LoadedKernel scale(kScale, "scale");
  const auto fails_with = [&](cudaError_t wanted, const char* complaint) {
    CHECK(cudaStreamSynchronize(s.stream) == wanted);
    INFO(last_complaint());
    CHECK(last_complaint().find(complaint) != std::string::npos);
    void* pointer = nullptr;
    CHECK(cudaMalloc(&pointer, 10) == wanted);
    CHECK(cudaDeviceSynchronize() == wanted);
    CHECK(std::string(cudaGetErrorString(wanted)).find(complaint) != std::string::npos);
    clear_error();
    CHECK(cudaStreamSynchronize(s.stream) == cudaSuccess);
  };
  SUBCASE("out of bounds") {
    const Clean clean;
    CHECK(scale.launch(s.stream, 4, 32, x.at, y.at, 128LL) == cudaSuccess);
    fails_with(cudaErrorIllegalAddress, "kernel scale");
  }
  SUBCASE("a little out of bounds") {
    const Clean clean;
    const DeviceFloats z(60);
    CHECK(scale.launch(s.stream, 2, 32, x.at, z.at, 61LL) == cudaSuccess);
    fails_with(cudaErrorIllegalAddress, "beside an allocation of 240 bytes");
  }
  SUBCASE("memory of the host") {
    const Clean clean;
    std::vector<float> z(64);
    CHECK(scale.launch(s.stream, 2, 32, x.at, z.data(), 64LL) == cudaSuccess);
    fails_with(cudaErrorIllegalAddress, "argument 1");
  }
  SUBCASE("memory that has been freed") {
    const Clean clean;
    void* pointer = nullptr;
    REQUIRE(cudaMalloc(&pointer, 256) == cudaSuccess);
    REQUIRE(cudaFree(pointer) == cudaSuccess);
    CHECK(scale.launch(s.stream, 2, 32, pointer, y.at, 64LL) == cudaSuccess);
    fails_with(cudaErrorIllegalAddress, "argument 0");
  }
  SUBCASE("a barrier that a thread misses") {
    const Clean clean;
    const LoadedKernel hangs(
        "extern \"C\" __global__ void hangs(float* x) { if (threadIdx.x > 3) __syncthreads(); *x = 1; }",
        "hangs");
    CHECK(hangs.launch(s.stream, 1, 64, x.at) == cudaSuccess);
    fails_with(cudaErrorLaunchFailure, "__syncthreads");
  }
  SUBCASE("a text that does not compile") {
    const Clean clean;
    const LoadedKernel wrong("extern \"C\" __global__ void wrong(float* x) { nonsense; }", "wrong");
    CHECK(wrong.launch(s.stream, 1, 32, x.at) == cudaSuccess);
    fails_with(cudaErrorInvalidKernelImage, "nonsense");
  }
}

TEST_CASE("the host cannot follow pointers to the device") {
  const Clean clean;
  const DeviceFloats x(std::vector<float>{1, 2, 3});
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    volatile float value = x.at[1];
    _exit(value == 2.0F ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGSEGV);
}

TEST_CASE("launches and loads that CUDA refuses") {
  const Clean clean;
  const TestStream s;
  const DeviceFloats x(64);
  const LoadedKernel scale(kScale, "scale");
  CHECK(scale.launch(s.stream, 0, 32, x.at, x.at, 64LL) == cudaErrorInvalidConfiguration);
  CHECK(scale.launch(s.stream, 1, 2048, x.at, x.at, 64LL) == cudaErrorInvalidConfiguration);
  CHECK(scale.launch(s.stream, 1, 33, x.at, x.at, 64LL) == cudaErrorInvalidConfiguration);
  CHECK(cudaLaunchKernel(&scale, dim3(1), dim3(32), nullptr, 0, s.stream) == cudaErrorInvalidDeviceFunction);
  cudaKernel_t kernel = nullptr;
  CHECK(cudaLibraryGetKernel(&kernel, scale.library, "other") == cudaErrorSymbolNotFound);
  cudaLibrary_t library = nullptr;
  CHECK(cudaLibraryLoadData(&library, "something else", nullptr, nullptr, 0, nullptr, nullptr, 0) ==
        cudaErrorInvalidKernelImage);
}

TEST_CASE("NVRTC finds errors when told to compile at once") {
  const Clean clean;
  set_compiles_at_once(true);
  std::vector<char> image;
  std::string log;
  CHECK(compiled("extern \"C\" __global__ void f(float* x) { missing(x); }", image, log) ==
        NVRTC_ERROR_COMPILATION);
  CHECK(log.find("missing") != std::string::npos);
  // From several threads.
  std::vector<std::thread> threads;
  std::array<nvrtcResult, 4> results{};
  for (std::size_t t = 0; t < results.size(); ++t)
    threads.emplace_back([t, &results] {
      std::vector<char> own_image;
      std::string own_log;
      results[t] = compiled("extern \"C\" __global__ void f(i64* x) { *x = " + std::to_string(t) + "; }",
                            own_image, own_log);
    });
  for (std::thread& thread : threads) thread.join();
  for (const nvrtcResult result : results) CHECK(result == NVRTC_SUCCESS);
  // Contraction would change bits.
  nvrtcProgram program = nullptr;
  REQUIRE(nvrtcCreateProgram(&program, kScale.c_str(), nullptr, 0, nullptr, nullptr) == NVRTC_SUCCESS);
  const std::array options = {"--gpu-architecture=sm_90"};
  CHECK(nvrtcCompileProgram(program, 1, options.data()) == NVRTC_ERROR_INVALID_OPTION);
  CHECK(nvrtcDestroyProgram(&program) == NVRTC_SUCCESS);
}

TEST_CASE("limits, planned failures and missing devices") {
  const Clean clean;
  void* pointer = nullptr;
  set_memory_limit(device_bytes() + 1000);
  CHECK(cudaMalloc(&pointer, 1001) == cudaErrorMemoryAllocation);
  CHECK(pointer == nullptr);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaMalloc(&pointer, 600) == cudaSuccess);
  std::size_t free = 0;
  std::size_t total = 0;
  CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess);
  CHECK(free == 400);
  void* second = nullptr;
  CHECK(cudaMalloc(&second, 600) == cudaErrorMemoryAllocation);
  CHECK(cudaFree(pointer) == cudaSuccess);
  CHECK(cudaMalloc(&second, 600) == cudaSuccess);
  CHECK(cudaFree(second) == cudaSuccess);
  set_memory_limit(std::size_t{4} << 30);

  fail_call("cudaMalloc", 2, cudaErrorMemoryAllocation);
  CHECK(cudaMalloc(&pointer, 10) == cudaSuccess);
  CHECK(cudaMalloc(&second, 10) == cudaErrorMemoryAllocation);
  CHECK(cudaMalloc(&second, 10) == cudaSuccess);
  CHECK(cudaFree(pointer) == cudaSuccess);
  CHECK(cudaFree(second) == cudaSuccess);
  fail_call("cublasLtCreate", 1, CUBLAS_STATUS_ALLOC_FAILED);
  cublasLtHandle_t handle = nullptr;
  CHECK(cublasLtCreate(&handle) == CUBLAS_STATUS_ALLOC_FAILED);

  int count = 5;
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess);
  CHECK(count == 1);
  set_presence(Presence::no_device);
  CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice);
  CHECK(count == 0);
  CHECK(cudaMalloc(&pointer, 10) == cudaErrorNoDevice);
  set_presence(Presence::old_driver);
  CHECK(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver);
  CHECK(std::string(cudaGetErrorString(cudaErrorInsufficientDriver)).find("driver") != std::string::npos);
  set_presence(Presence::device);
  cudaDeviceProp properties{};
  CHECK(cudaGetDeviceProperties(&properties, 0) == cudaSuccess);
  CHECK(properties.warpSize == 32);
  CHECK(cudaGetDeviceProperties(&properties, 1) == cudaErrorInvalidDevice);
  int major = 0;
  CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) == cudaSuccess);
  CHECK(major == properties.major);
}

}  // namespace
}  // namespace nabla::cuda::emulator
