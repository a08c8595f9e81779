#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <doctest/doctest.h>
#include <nvrtc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <csignal>
#include <cstring>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "tests/cuda/emulator/emulator.h"

// The emulated device through the API that it emulates: that it does what a device does, and that it finds
// what a device may let pass.

namespace nabla::cuda::emulator {
namespace {

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

struct PinnedFloats {
  explicit PinnedFloats(std::size_t count) {
    REQUIRE(cudaMallocHost(reinterpret_cast<void**>(&at), count * sizeof(float)) == cudaSuccess);
  }
  ~PinnedFloats() { cudaFreeHost(at); }
  PinnedFloats(const PinnedFloats&) = delete;
  PinnedFloats& operator=(const PinnedFloats&) = delete;
  float* at = nullptr;
};

struct TestStream {
  TestStream() { REQUIRE(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess); }
  ~TestStream() { cudaStreamDestroy(stream); }
  TestStream(const TestStream&) = delete;
  TestStream& operator=(const TestStream&) = delete;
  cudaStream_t stream = nullptr;
};

nvrtcResult compiled(const std::string& text, std::vector<char>& image, std::string& log) {
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

const std::string kScale = R"(
extern "C" __global__ void scale(const float* x, float* y, i64 n) {
  const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = 2 * x[i] + 1;
})";

/// Leaves the emulator as it was.
struct Clean {
  ~Clean() {
    clear_error();
    fail_no_calls();
    set_presence(Presence::device);
    set_memory_limit(std::size_t{4} << 30);
    set_compiles_at_once(false);
  }
};

TEST_CASE("memory, pinned copies, a kernel from text, events") {
  const Clean clean;
  reset_counters();
  const TestStream s;
  const PinnedFloats host(100);
  const DeviceFloats x(100);
  const DeviceFloats y(100);
  const LoadedKernel scale(kScale, "scale");
  cudaEvent_t before = nullptr;
  cudaEvent_t after = nullptr;
  REQUIRE(cudaEventCreateWithFlags(&before, cudaEventDefault) == cudaSuccess);
  REQUIRE(cudaEventCreateWithFlags(&after, cudaEventDefault) == cudaSuccess);
  std::iota(host.at, host.at + 100, 0.0F);
  CHECK(cudaEventRecord(before, s.stream) == cudaSuccess);
  CHECK(cudaMemcpyAsync(x.at, host.at, 400, cudaMemcpyHostToDevice, s.stream) == cudaSuccess);
  CHECK(scale.launch(s.stream, 4, 32, x.at, y.at, 100LL) == cudaSuccess);
  CHECK(cudaMemcpyAsync(host.at, y.at, 400, cudaMemcpyDeviceToHost, s.stream) == cudaSuccess);
  CHECK(cudaEventRecord(after, s.stream) == cudaSuccess);
  // Nothing has run.
  CHECK(host.at[7] == 7.0F);
  CHECK(counters().kernels_run == 0);
  CHECK(cudaEventQuery(after) == cudaErrorNotReady);
  float milliseconds = -1;
  CHECK(cudaEventElapsedTime(&milliseconds, before, after) == cudaErrorNotReady);
  CHECK(cudaEventSynchronize(after) == cudaSuccess);
  CHECK(cudaEventQuery(after) == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, before, after) == cudaSuccess);
  CHECK(milliseconds >= 0);
  for (int i = 0; i < 100; ++i) CHECK(host.at[i] == 2.0F * static_cast<float>(i) + 1);
  const Counters c = counters();
  CHECK(c.allocations == 2);
  CHECK(c.host_allocations == 1);
  CHECK(c.launches == 1);
  CHECK(c.kernels_run == 1);
  CHECK(c.cubins_compiled == 1);
  CHECK(c.synchronisations == 1);
  CHECK(c.bytes_up == 400);
  CHECK(c.bytes_down == 400);
  CHECK(device_bytes() == 800);
  CHECK(cudaEventDestroy(before) == cudaSuccess);
  CHECK(cudaEventDestroy(after) == cudaSuccess);
  CHECK(cudaEventRecord(after, s.stream) == cudaErrorInvalidResourceHandle);
}

TEST_CASE("loops that ask end") {
  const Clean clean;
  const TestStream s;
  const DeviceFloats x(10);
  for (int i = 0; i < 3; ++i) CHECK(cudaMemsetAsync(x.at, i, 40, s.stream) == cudaSuccess);
  int asked = 0;
  while (cudaStreamQuery(s.stream) == cudaErrorNotReady) ++asked;
  CHECK(asked == 3);
}

TEST_CASE("streams wait for events, and for nothing else") {
  const Clean clean;
  const TestStream a;
  const TestStream b;
  const PinnedFloats host(2);
  const DeviceFloats x(std::vector<float>{1, 2});
  const DeviceFloats y(std::vector<float>{3, 4});
  const auto copy_on_two_streams = [&](bool waits) {
    host.at[0] = 0;
    cudaEvent_t event = nullptr;
    REQUIRE(cudaEventCreateWithFlags(&event, cudaEventDisableTiming) == cudaSuccess);
    CHECK(cudaMemcpyAsync(y.at, x.at, 8, cudaMemcpyDeviceToDevice, a.stream) == cudaSuccess);
    CHECK(cudaEventRecord(event, a.stream) == cudaSuccess);
    if (waits) CHECK(cudaStreamWaitEvent(b.stream, event, 0) == cudaSuccess);
    CHECK(cudaMemcpyAsync(host.at, y.at, 8, cudaMemcpyDeviceToHost, b.stream) == cudaSuccess);
    CHECK(cudaStreamSynchronize(b.stream) == cudaSuccess);
    CHECK(cudaEventDestroy(event) == cudaSuccess);
    return host.at[0];
  };
  CHECK(copy_on_two_streams(false) == 3.0F);
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
  CHECK(y.values(1)[0] == 1.0F);
  const std::vector<float> other = {5, 6};
  CHECK(cudaMemcpy(x.at, other.data(), 8, cudaMemcpyHostToDevice) == cudaSuccess);
  CHECK(copy_on_two_streams(true) == 5.0F);
}

TEST_CASE("a copy that waits does not wait for streams that do not block") {
  const Clean clean;
  const TestStream apart;
  cudaStream_t blocking = nullptr;
  REQUIRE(cudaStreamCreateWithFlags(&blocking, cudaStreamDefault) == cudaSuccess);
  for (const bool waits : {false, true}) {
    const DeviceFloats x(std::vector<float>{1});
    const DeviceFloats y(std::vector<float>{2});
    CHECK(cudaMemcpyAsync(y.at, x.at, 4, cudaMemcpyDeviceToDevice, waits ? blocking : apart.stream) ==
          cudaSuccess);
    CHECK(y.values(1)[0] == (waits ? 1.0F : 2.0F));
  }
  CHECK(cudaStreamDestroy(blocking) == cudaSuccess);
}

TEST_CASE("a captured graph replays with what its memory holds then") {
  const Clean clean;
  reset_counters();
  const TestStream s;
  const TestStream side;
  const PinnedFloats host(64);
  const DeviceFloats x(64);
  const DeviceFloats y(64);
  const LoadedKernel scale(kScale, "scale");
  cudaEvent_t fork = nullptr;
  cudaEvent_t join = nullptr;
  REQUIRE(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming) == cudaSuccess);
  REQUIRE(cudaEventCreateWithFlags(&join, cudaEventDisableTiming) == cudaSuccess);
  REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  CHECK(cudaStreamIsCapturing(s.stream, &status) == cudaSuccess);
  CHECK(status == cudaStreamCaptureStatusActive);
  CHECK(cudaMemcpyAsync(x.at, host.at, 256, cudaMemcpyHostToDevice, s.stream) == cudaSuccess);
  CHECK(cudaEventRecord(fork, s.stream) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(side.stream, fork, 0) == cudaSuccess);
  CHECK(scale.launch(side.stream, 2, 32, x.at, y.at, 64LL) == cudaSuccess);
  CHECK(cudaEventRecord(join, side.stream) == cudaSuccess);
  CHECK(cudaEventSynchronize(join) == cudaErrorCapturedEvent);
  CHECK(cudaStreamWaitEvent(s.stream, join, 0) == cudaSuccess);
  CHECK(cudaMemcpyAsync(host.at, y.at, 256, cudaMemcpyDeviceToHost, s.stream) == cudaSuccess);
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaStreamEndCapture(s.stream, &graph) == cudaSuccess);
  std::size_t nodes = 0;
  CHECK(cudaGraphGetNodes(graph, nullptr, &nodes) == cudaSuccess);
  CHECK(nodes == 3);
  cudaGraphExec_t executable = nullptr;
  REQUIRE(cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  CHECK(cudaGraphUpload(executable, s.stream) == cudaSuccess);
  CHECK(counters().kernels_run == 0);
  for (int replay = 0; replay < 3; ++replay) {
    std::fill(host.at, host.at + 64, static_cast<float>(replay));
    CHECK(cudaGraphLaunch(executable, s.stream) == cudaSuccess);
    CHECK(host.at[63] == static_cast<float>(replay));
    CHECK(cudaStreamSynchronize(s.stream) == cudaSuccess);
    CHECK(host.at[63] == 2.0F * static_cast<float>(replay) + 1);
  }
  CHECK(cudaGraphExecDestroy(executable) == cudaSuccess);
  CHECK(cudaGraphLaunch(executable, s.stream) == cudaErrorInvalidResourceHandle);
  CHECK(counters().graph_instantiations == 1);
  CHECK(counters().graph_launches == 3);
  CHECK(counters().launches == 1);
  CHECK(counters().kernels_run == 3);
  CHECK(cudaEventDestroy(fork) == cudaSuccess);
  CHECK(cudaEventDestroy(join) == cudaSuccess);
}

TEST_CASE("what a capture forbids makes it invalid") {
  const Clean clean;
  const TestStream s;
  const DeviceFloats x(10);
  void* pointer = nullptr;
  cudaGraph_t graph = nullptr;
  const auto capture = [&](auto&& call) {
    REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
    CHECK(cudaMemsetAsync(x.at, 0, 40, s.stream) == cudaSuccess);
    const cudaError_t error = call();
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    CHECK(cudaStreamIsCapturing(s.stream, &status) == cudaSuccess);
    CHECK(status == cudaStreamCaptureStatusInvalidated);
    CHECK(cudaMemsetAsync(x.at, 0, 40, s.stream) == cudaErrorStreamCaptureInvalidated);
    CHECK(cudaStreamEndCapture(s.stream, &graph) == cudaErrorStreamCaptureInvalidated);
    CHECK(graph == nullptr);
    CHECK(cudaStreamSynchronize(s.stream) == cudaSuccess);
    return error;
  };
  CHECK(capture([&] { return cudaMalloc(&pointer, 10); }) == cudaErrorStreamCaptureUnsupported);
  CHECK(capture([&] { return cudaMallocHost(&pointer, 10); }) == cudaErrorStreamCaptureUnsupported);
  CHECK(capture([&] { return cudaStreamSynchronize(s.stream); }) == cudaErrorStreamCaptureUnsupported);
  CHECK(capture([&] { return cudaStreamQuery(s.stream); }) == cudaErrorStreamCaptureUnsupported);
  CHECK(capture([&] { return cudaDeviceSynchronize(); }) == cudaErrorStreamCaptureUnsupported);
  CHECK(capture([&] { return cudaMemcpy(x.at, &pointer, 8, cudaMemcpyHostToDevice); }) ==
        cudaErrorStreamCaptureUnsupported);
  CHECK(capture([&] { return cudaFree(x.at); }) == cudaErrorStreamCaptureUnsupported);
  // Of other threads a capture of one thread forbids nothing.
  REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  std::thread([&] { CHECK(cudaMalloc(&pointer, 10) == cudaSuccess); }).join();
  CHECK(cudaStreamEndCapture(s.stream, &graph) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  CHECK(cudaFree(pointer) == cudaSuccess);
  // A stream that was forked off and has more to do at the end.
  const TestStream side;
  cudaEvent_t event = nullptr;
  REQUIRE(cudaEventCreateWithFlags(&event, cudaEventDisableTiming) == cudaSuccess);
  REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
  CHECK(cudaEventRecord(event, s.stream) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(side.stream, event, 0) == cudaSuccess);
  CHECK(cudaMemsetAsync(x.at, 0, 40, side.stream) == cudaSuccess);
  CHECK(cudaStreamEndCapture(s.stream, &graph) == cudaErrorStreamCaptureUnjoined);
  CHECK(cudaEventDestroy(event) == cudaSuccess);
}

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
