#include "engine/backend/cuda/context.h"

#include "engine/backend/cuda_backend.h"

namespace nabla::cuda {
namespace {

int attribute(cudaDeviceAttr which) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, 0), "cudaDeviceGetAttribute");
  return value;
}

Stream make_stream() {
  Stream stream;
  check(cudaStreamCreateWithFlags(stream.address(), cudaStreamNonBlocking), "cudaStreamCreate");
  return stream;
}

}  // namespace

std::string why_unusable() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    cudaGetLastError();
    return std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status);
  }
  if (count == 0) return "the driver shows no GPU (CUDA_VISIBLE_DEVICES may hide them)";
  constexpr int kLeastMajor = 8;
  if (const int major = attribute(cudaDevAttrComputeCapabilityMajor); major < kLeastMajor)
    return "the GPU has compute capability " + std::to_string(major) + "." +
           std::to_string(attribute(cudaDevAttrComputeCapabilityMinor)) + "; 8.0 or newer is needed";
  return "";
}

Context& Context::instance() {
  static Context& context = *new Context;
  // Whatever GPU the host's thread has chosen for itself.
  static thread_local const bool is_current = [] {
    check(cudaSetDevice(0), "cudaSetDevice");
    return true;
  }();
  (void)is_current;
  return context;
}

Context::Context() {
  if (const std::string reason = why_unusable(); !reason.empty()) throw Error("cuda: " + reason);
  check(cudaSetDevice(0), "cudaSetDevice");
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  device_name_ = properties.name;
  architecture_ = properties.major * 10 + properties.minor;
  multiprocessors_ = properties.multiProcessorCount;
  stream_ = make_stream();
  recording_stream_ = make_stream();
  recording_ = stream_.get();
  check(cublasLtCreate(blas_.address()), "cublasLtCreate");
  workspaces_ = blocks_.take(kWorkspaces * kWorkspaceBytes);
}

void Context::wait(std::string_view what) { check(cudaStreamSynchronize(stream_.get()), what); }

Context::Recording::Recording(Context& context) : context_(context) {
  // Other threads may copy to the host meanwhile.
  check(cudaStreamBeginCapture(context.recording_stream_.get(), cudaStreamCaptureModeThreadLocal),
        "cudaStreamBeginCapture");
  context.recording_ = context.recording_stream_.get();
}

Context::Recording::~Recording() {
  context_.recording_ = context_.stream_.get();
  if (finished_) return;
  Graph abandoned;
  cudaStreamEndCapture(context_.recording_stream_.get(), abandoned.address());
  cudaGetLastError();
}

// The signatures of these two calls changed with CUDA 13.
Context::Recording::Point Context::Recording::here() const {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  const cudaGraphNode_t* nodes = nullptr;
  const cudaGraphEdgeData* edges = nullptr;
  std::size_t count = 0;
#if CUDART_VERSION >= 13000
  check(cudaStreamGetCaptureInfo(context_.recording_, &status, nullptr, nullptr, &nodes, &edges, &count),
        "cudaStreamGetCaptureInfo");
#else
  check(cudaStreamGetCaptureInfo_v3(context_.recording_, &status, nullptr, nullptr, &nodes, &edges, &count),
        "cudaStreamGetCaptureInfo");
#endif
  Point point{{nodes, nodes + count}, std::vector<cudaGraphEdgeData>(count)};
  if (edges) point.edges.assign(edges, edges + count);
  return point;
}

void Context::Recording::continue_from(const Point& point) {
  std::vector<cudaGraphNode_t> nodes = point.nodes;
#if CUDART_VERSION >= 13000
  check(cudaStreamUpdateCaptureDependencies(context_.recording_, nodes.data(), point.edges.data(),
                                            nodes.size(), cudaStreamSetCaptureDependencies),
        "cudaStreamUpdateCaptureDependencies");
#else
  check(cudaStreamUpdateCaptureDependencies_v2(context_.recording_, nodes.data(), point.edges.data(),
                                               nodes.size(), cudaStreamSetCaptureDependencies),
        "cudaStreamUpdateCaptureDependencies");
#endif
}

Graph Context::Recording::finish(std::string_view what) {
  finished_ = true;
  Graph graph;
  check(cudaStreamEndCapture(context_.recording_stream_.get(), graph.address()), what);
  return graph;
}

}  // namespace nabla::cuda
