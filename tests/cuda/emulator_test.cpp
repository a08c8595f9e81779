#include <algorithm>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/cuda/emulator_fixtures.h"

// The emulated device through the API that it emulates: that it does what a device does, no earlier than it
// must.

namespace nabla::cuda::emulator {
namespace {

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

}  // namespace
}  // namespace nabla::cuda::emulator
