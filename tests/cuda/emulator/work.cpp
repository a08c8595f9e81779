#include "tests/cuda/emulator/work.h"

#include <algorithm>
#include <set>
#include <utility>

#include "tests/cuda/emulator/memory.h"

namespace nabla::cuda::emulator {

namespace {

struct Streams {
  std::shared_ptr<Stream> default_stream = std::make_shared<Stream>();
  Registry<cudaStream_t, Stream> handles;
  /// Those with handles, and destroyed ones that still have work.
  std::vector<std::shared_ptr<Stream>> all{default_stream};
  std::vector<std::shared_ptr<Capture>> captures;
  std::uint64_t next_sequence = 0;
};
Streams& streams() {
  static auto& instance = *new Streams;
  return instance;
}

void run_until(Stream& stream, std::uint64_t sequence);

/// The first work of a stream, after what it has to wait for.
void run_first(Stream& stream) {
  const Work work = std::move(stream.queue.front());
  stream.queue.pop_front();
  Streams& s = streams();
  if (&stream == s.default_stream.get()) {
    const std::vector<std::shared_ptr<Stream>> all = s.all;
    for (const auto& other : all)
      if (other->is_blocking && other.get() != &stream) run_until(*other, work.sequence);
  } else if (stream.is_blocking) {
    run_until(*s.default_stream, work.sequence);
  }
  if (work.awaits) {
    const std::shared_ptr<Stream> other = work.awaits->stream;
    while (!work.awaits->is_done && !other->queue.empty()) run_first(*other);
  }
  if (work.run) work.run();
  if (work.records) {
    work.records->is_done = true;
    work.records->time = std::chrono::steady_clock::now();
  }
}

void run_until(Stream& stream, std::uint64_t sequence) {
  while (!stream.queue.empty() && stream.queue.front().sequence < sequence) run_first(stream);
}

void stop_everything(const Failure& failure) {
  machine().sticky = failure.code;
  complain(failure.complaint);
  for (const auto& stream : streams().all) stream->queue.clear();
}

/// Runs `f`, which runs work: device memory is within its reach, and out of reach afterwards.
template <class F>
cudaError_t working(const F& f) {
  try {
    f();
    for (MemoryPool* pool : {&device_memory(), &host_memory()})
      if (const std::string complaint = pool->close(); !complaint.empty())
        throw Failure{cudaErrorIllegalAddress, complaint};
  } catch (const Failure& failure) {
    device_memory().close();
    host_memory().close();
    stop_everything(failure);
  }
  auto& all = streams().all;
  std::erase_if(all, [](const std::shared_ptr<Stream>& stream) {
    return stream.use_count() == 1 && stream->queue.empty();
  });
  return machine().sticky;
}

void invalidate(Capture& capture) { capture.is_invalid = true; }

void leave_capture(Capture& capture) {
  std::erase_if(streams().captures, [&](const auto& other) { return other.get() == &capture; });
  for (const auto& [stream, branch] : std::exchange(capture.branches, {})) stream->capture = nullptr;
}

/// The default stream orders itself with blocking ones, which a capture cannot record.
cudaError_t check_default_stream(const Stream& stream) {
  if (&stream != streams().default_stream.get()) return cudaSuccess;
  for (const auto& capture : streams().captures)
    for (const auto& [other, branch] : capture->branches)
      if (other->is_blocking) {
        invalidate(*capture);
        return cudaErrorStreamCaptureImplicit;
      }
  return cudaSuccess;
}

cudaError_t queue(const std::shared_ptr<Stream>& stream, Work work) {
  if (const cudaError_t error = check_default_stream(*stream); error != cudaSuccess) return error;
  work.sequence = streams().next_sequence++;
  stream->queue.push_back(std::move(work));
  return cudaSuccess;
}

}  // namespace

std::shared_ptr<Stream> stream_of(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) return streams().default_stream;
  std::shared_ptr<Stream> stream = streams().handles.find(handle);
  if (stream == nullptr) throw Failure{cudaErrorInvalidResourceHandle, "this is not a stream"};
  return stream;
}

cudaStream_t create_stream(bool is_blocking) {
  auto stream = std::make_shared<Stream>();
  stream->is_blocking = is_blocking;
  streams().all.push_back(stream);
  return streams().handles.add(std::move(stream));
}

void destroy_stream(cudaStream_t handle) {
  const std::shared_ptr<Stream> stream = stream_of(handle);
  if (!streams().handles.remove(handle))
    throw Failure{cudaErrorInvalidResourceHandle, "the default stream cannot be destroyed"};
  if (stream->capture) {
    invalidate(*stream->capture);
    leave_capture(*stream->capture);
  }
}

cudaError_t enqueue(const std::shared_ptr<Stream>& stream, Operation operation) {
  if (const auto capture = stream->capture) {
    if (capture->is_invalid) return cudaErrorStreamCaptureInvalidated;
    Capture::Branch& branch = capture->branches[stream.get()];
    const std::size_t place = capture->graph.nodes.size();
    capture->graph.nodes.push_back({std::move(operation), std::exchange(branch.next_follows, {place})});
    ++branch.nodes;
    return cudaSuccess;
  }
  return queue(stream, {0, std::move(operation), nullptr, nullptr});
}

cudaError_t record(const std::shared_ptr<Stream>& stream, Event& event) {
  auto made = std::make_shared<Record>();
  made->stream = stream;
  if (const auto capture = stream->capture) {
    if (capture->is_invalid) return cudaErrorStreamCaptureInvalidated;
    made->capture = capture;
    made->captured_nodes = capture->branches[stream.get()].nodes;
    made->follows = capture->branches[stream.get()].next_follows;
    event.record = made;
    return cudaSuccess;
  }
  event.record = made;
  return queue(stream, {0, nullptr, made, nullptr});
}

cudaError_t await(const std::shared_ptr<Stream>& stream, const Event& event) {
  if (event.record == nullptr) return cudaSuccess;
  const auto source = event.record->capture;
  if (source != nullptr && !source->branches.empty()) {  // it goes on
    if (stream->capture == nullptr) {
      stream->capture = source;
      source->branches[stream.get()] = {};
    } else if (stream->capture != source) {
      invalidate(*source);
      invalidate(*stream->capture);
      return cudaErrorStreamCaptureMerge;
    }
    Capture::Branch& branch = source->branches[event.record->stream.get()];
    branch.joined_nodes = std::max(branch.joined_nodes, event.record->captured_nodes);
    std::vector<std::size_t>& follows = source->branches[stream.get()].next_follows;
    follows.insert(follows.end(), event.record->follows.begin(), event.record->follows.end());
    return cudaSuccess;
  }
  if (stream->capture != nullptr) {
    invalidate(*stream->capture);
    return cudaErrorStreamCaptureIsolation;
  }
  return queue(stream, {0, nullptr, nullptr, event.record});
}

cudaError_t begin_capture(const std::shared_ptr<Stream>& stream, cudaStreamCaptureMode mode) {
  if (stream == streams().default_stream) return cudaErrorStreamCaptureUnsupported;
  if (stream->capture != nullptr) return cudaErrorIllegalState;
  auto capture = std::make_shared<Capture>();
  capture->mode = mode;
  capture->thread = std::this_thread::get_id();
  capture->origin = stream;
  capture->branches[stream.get()] = {};
  streams().captures.push_back(capture);
  stream->capture = std::move(capture);
  return cudaSuccess;
}

cudaError_t end_capture(const std::shared_ptr<Stream>& stream, std::shared_ptr<Graph>& graph) {
  const auto capture = stream->capture;
  if (capture == nullptr) return cudaErrorIllegalState;
  if (capture->origin != stream) return cudaErrorStreamCaptureUnmatched;
  if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id())
    return cudaErrorStreamCaptureWrongThread;
  const bool is_joined =
      std::all_of(capture->branches.begin(), capture->branches.end(), [&](const auto& entry) {
        return entry.first == stream.get() || entry.second.joined_nodes == entry.second.nodes;
      });
  leave_capture(*capture);
  if (capture->is_invalid) return cudaErrorStreamCaptureInvalidated;
  if (!is_joined) return cudaErrorStreamCaptureUnjoined;
  graph = std::make_shared<Graph>(std::move(capture->graph));
  return cudaSuccess;
}

void run_graph(const Graph& graph, host::Order order) {
  if (order == host::Order::forward) {
    for (const Graph::Node& node : graph.nodes) node.run();
    return;
  }
  std::vector<std::size_t> waits_for(graph.nodes.size());
  std::vector<std::vector<std::size_t>> followers(graph.nodes.size());
  std::set<std::size_t> ready;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    waits_for[i] = graph.nodes[i].follows.size();
    for (const std::size_t earlier : graph.nodes[i].follows) followers[earlier].push_back(i);
    if (waits_for[i] == 0) ready.insert(i);
  }
  while (!ready.empty()) {
    const std::size_t node = *ready.rbegin();
    ready.erase(node);
    graph.nodes[node].run();
    for (const std::size_t follower : followers[node])
      if (--waits_for[follower] == 0) ready.insert(follower);
  }
}

void forbid_in_capture(const char* what) {
  for (const auto& capture : streams().captures) {
    const bool is_ours = capture->thread == std::this_thread::get_id();
    if (capture->mode == cudaStreamCaptureModeRelaxed) continue;
    if (capture->mode == cudaStreamCaptureModeThreadLocal && !is_ours) continue;
    invalidate(*capture);
    throw Failure{cudaErrorStreamCaptureUnsupported, std::string(what) + " while a stream is captured"};
  }
}

void forbid_waiting(Stream& stream) {
  if (stream.capture == nullptr) return;
  invalidate(*stream.capture);
  throw Failure{cudaErrorStreamCaptureUnsupported, "waits for a stream that is captured"};
}

cudaError_t finish(const std::shared_ptr<Stream>& stream) {
  return working([&] {
    while (!stream->queue.empty()) run_first(*stream);
    // The default stream also waits for what others have queued since.
    if (stream != streams().default_stream) return;
    const std::vector<std::shared_ptr<Stream>> all = streams().all;
    for (const auto& other : all)
      while (other->is_blocking && !other->queue.empty()) run_first(*other);
  });
}

cudaError_t finish(const Record& record) {
  return working([&] {
    while (!record.is_done && !record.stream->queue.empty()) run_first(*record.stream);
  });
}

cudaError_t finish_all() {
  for (const auto& capture : streams().captures) {
    invalidate(*capture);
    return cudaErrorStreamCaptureUnsupported;
  }
  return working([] {
    const std::vector<std::shared_ptr<Stream>> all = streams().all;
    for (const auto& stream : all)
      while (!stream->queue.empty()) run_first(*stream);
  });
}

cudaError_t run_now(Operation operation) {
  const auto stream = streams().default_stream;
  const cudaError_t error = queue(stream, {0, std::move(operation), nullptr, nullptr});
  if (error != cudaSuccess) return error;
  return working([&] {
    while (!stream->queue.empty()) run_first(*stream);
  });
}

bool progress(const std::shared_ptr<Stream>& stream) {
  if (!stream->queue.empty()) {
    working([&] { run_first(*stream); });
    return false;
  }
  return true;
}

}  // namespace nabla::cuda::emulator
