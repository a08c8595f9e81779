#include <cuda_runtime_api.h>

#include "tests/cuda/emulator/machine.h"
#include "tests/cuda/emulator/work.h"

// Streams, events and graphs.

// What the functions with data of edges are called before CUDA 13.
#if CUDART_VERSION < 13000
#undef cudaStreamGetCaptureInfo
#define cudaStreamGetCaptureInfo cudaStreamGetCaptureInfo_v3
#define cudaStreamUpdateCaptureDependencies cudaStreamUpdateCaptureDependencies_v2
#endif

namespace nabla::cuda::emulator {

namespace {

Registry<cudaEvent_t, Event>& events() {
  static auto& instance = *new Registry<cudaEvent_t, Event>;
  return instance;
}
Registry<cudaGraph_t, Graph>& graphs() {
  static auto& instance = *new Registry<cudaGraph_t, Graph>;
  return instance;
}
Registry<cudaGraphExec_t, ExecutableGraph>& executables() {
  static auto& instance = *new Registry<cudaGraphExec_t, ExecutableGraph>;
  return instance;
}

template <class Handle, class T>
std::shared_ptr<T> found(const Registry<Handle, T>& registry, Handle handle, const char* what) {
  std::shared_ptr<T> object = registry.find(handle);
  if (object == nullptr) throw Failure{cudaErrorInvalidResourceHandle, "this is not " + std::string(what)};
  return object;
}
std::shared_ptr<Event> event_of(cudaEvent_t handle) { return found(events(), handle, "an event"); }

cudaError_t create_event(cudaEvent_t* event, bool has_time) {
  auto made = std::make_shared<Event>();
  made->has_time = has_time;
  *event = events().add(std::move(made));
  return cudaSuccess;
}

}  // namespace

}  // namespace nabla::cuda::emulator

using namespace nabla::cuda::emulator;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return runtime_call("cudaStreamCreateWithFlags", [=] {
    *stream = create_stream((flags & cudaStreamNonBlocking) == 0);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return runtime_call("cudaStreamCreate", [=] {
    *stream = create_stream(true);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return runtime_call("cudaStreamDestroy", [=] {
    destroy_stream(stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return runtime_call("cudaStreamSynchronize", [=] {
    const auto stream = stream_of(handle);
    forbid_waiting(*stream);
    ++machine().counters.synchronisations;
    return finish(stream);
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return runtime_call("cudaStreamQuery", [=] {
    const auto stream = stream_of(handle);
    forbid_waiting(*stream);
    if (progress(stream)) return cudaSuccess;
    return machine().sticky != cudaSuccess ? machine().sticky : cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return runtime_call("cudaStreamWaitEvent", [=] { return await(stream_of(stream), *event_of(event)); });
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return runtime_call("cudaStreamBeginCapture", [=] { return begin_capture(stream_of(stream), mode); });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return runtime_call("cudaStreamEndCapture", [=] {
    *graph = nullptr;
    std::shared_ptr<Graph> made;
    const cudaError_t error = end_capture(stream_of(stream), made);
    if (error == cudaSuccess) *graph = graphs().add(std::move(made));
    return error;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return runtime_call("cudaStreamIsCapturing", [=] {
    const auto stream = stream_of(handle);
    *status = stream->capture == nullptr    ? cudaStreamCaptureStatusNone
              : stream->capture->is_invalid ? cudaStreamCaptureStatusInvalidated
                                            : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

// A node is known by its place, counted from 1.
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t handle, cudaStreamCaptureStatus* status,
                                     unsigned long long* id, cudaGraph_t* graph,
                                     const cudaGraphNode_t** nodes, const cudaGraphEdgeData** edges,
                                     size_t* count) {
  return runtime_call("cudaStreamGetCaptureInfo", [=] {
    const auto stream = stream_of(handle);
    if (id != nullptr || graph != nullptr)
      throw Failure{cudaErrorNotSupported, "the emulator tells status and nodes alone"};
    *status = stream->capture == nullptr ? cudaStreamCaptureStatusNone : cudaStreamCaptureStatusActive;
    if (stream->capture == nullptr) return cudaSuccess;
    // Valid until the next call.
    static thread_local std::vector<cudaGraphNode_t> handles;
    static thread_local std::vector<cudaGraphEdgeData> none;
    handles.clear();
    for (const std::size_t place : stream->capture->branches[stream.get()].next_follows)
      handles.push_back(reinterpret_cast<cudaGraphNode_t>(place + 1));
    none.assign(handles.size(), {});
    if (nodes != nullptr) *nodes = handles.data();
    if (edges != nullptr) *edges = none.data();
    if (count != nullptr) *count = handles.size();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamUpdateCaptureDependencies(cudaStream_t handle, cudaGraphNode_t* nodes,
                                                const cudaGraphEdgeData*, size_t count, unsigned flags) {
  return runtime_call("cudaStreamUpdateCaptureDependencies", [=] {
    const auto stream = stream_of(handle);
    if (stream->capture == nullptr) return cudaErrorIllegalState;
    std::vector<std::size_t>& follows = stream->capture->branches[stream.get()].next_follows;
    if (flags == cudaStreamSetCaptureDependencies) follows.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t place = reinterpret_cast<std::size_t>(nodes[i]) - 1;
      if (place >= stream->capture->graph.nodes.size())
        throw Failure{cudaErrorInvalidValue, "this is not a node of the graph"};
      follows.push_back(place);
    }
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return runtime_call("cudaGraphInstantiate", [=] {
    auto made = std::make_shared<ExecutableGraph>();
    made->graph = std::make_shared<Graph>(*found(graphs(), graph, "a graph"));
    *executable = executables().add(std::move(made));
    ++machine().counters.graph_instantiations;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return runtime_call("cudaGraphExecDestroy", [=] {
    return executables().remove(executable) ? cudaSuccess : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return runtime_call("cudaGraphDestroy",
                      [=] { return graphs().remove(graph) ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t handle, cudaGraphNode_t* nodes, size_t* count) {
  return runtime_call("cudaGraphGetNodes", [=] {
    const auto graph = found(graphs(), handle, "a graph");
    if (nodes == nullptr) {
      *count = graph->nodes.size();
      return cudaSuccess;
    }
    for (std::size_t i = 0; i < *count; ++i)
      nodes[i] = i < graph->nodes.size() ? reinterpret_cast<cudaGraphNode_t>(&graph->nodes[i]) : nullptr;
    *count = std::min(*count, graph->nodes.size());
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream) {
  return runtime_call("cudaGraphUpload", [=] {
    found(executables(), executable, "an executable graph");
    stream_of(stream);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return runtime_call("cudaGraphLaunch", [=] {
    const std::shared_ptr<const Graph> graph = found(executables(), executable, "an executable graph")->graph;
    ++machine().counters.graph_launches;
    return enqueue(stream_of(stream), [graph] { run_graph(*graph, machine().order); });
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return runtime_call("cudaEventCreateWithFlags",
                      [=] { return create_event(event, (flags & cudaEventDisableTiming) == 0); });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return runtime_call("cudaEventCreate", [=] { return create_event(event, true); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return runtime_call("cudaEventDestroy",
                      [=] { return events().remove(event) ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return runtime_call("cudaEventRecord", [=] { return record(stream_of(stream), *event_of(event)); });
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return runtime_call("cudaEventSynchronize", [=] {
    const auto record = event_of(handle)->record;
    ++machine().counters.synchronisations;
    if (record == nullptr) return cudaSuccess;
    return record->capture != nullptr ? cudaErrorCapturedEvent : finish(*record);
  });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return runtime_call("cudaEventQuery", [=] {
    const auto record = event_of(handle)->record;
    if (record == nullptr || record->is_done) return cudaSuccess;
    if (record->capture != nullptr) return cudaErrorCapturedEvent;
    progress(record->stream);
    return machine().sticky != cudaSuccess ? machine().sticky : cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return runtime_call("cudaEventElapsedTime", [=] {
    const auto first = event_of(start);
    const auto last = event_of(end);
    if (!first->has_time || !last->has_time || first->record == nullptr || last->record == nullptr)
      return cudaErrorInvalidResourceHandle;
    if (!first->record->is_done || !last->record->is_done) return cudaErrorNotReady;
    *milliseconds =
        std::chrono::duration<float, std::milli>(last->record->time - first->record->time).count();
    return cudaSuccess;
  });
}

}  // extern "C"
