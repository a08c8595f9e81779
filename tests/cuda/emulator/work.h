#pragma once

#include <cuda_runtime_api.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "tests/cuda/emulator/machine.h"

// Streams and what waits on them. Everything here is called with the machine's lock held.

namespace nabla::cuda::emulator {

struct Stream;
struct Capture;

/// One recording of an event.
struct Record {
  std::shared_ptr<Stream> stream;
  bool is_done = false;
  std::chrono::steady_clock::time_point time;
  std::shared_ptr<Capture> capture;  ///< in which it was recorded, or null
  std::int64_t captured_nodes = 0;   ///< of the stream before it
  std::vector<std::size_t> follows;  ///< what it waits for there
};

/// What an operation does; it throws a Failure.
using Operation = std::function<void()>;

struct Graph {
  struct Node {
    Operation run;
    std::vector<std::size_t> follows;  ///< places of earlier nodes that it waits for
  };
  std::vector<Node> nodes;  ///< in an order in which they can run
};
/// Nodes that wait for each other in that order; others in it too, or as late as can be the earlier they are,
/// which upsets whoever relies on more.
void run_graph(const Graph& graph, host::Order order);
struct ExecutableGraph {
  std::shared_ptr<const Graph> graph;
};

/// A graph while streams record into it.
struct Capture {
  Graph graph;
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  std::shared_ptr<Stream> origin;
  bool is_invalid = false;
  struct Branch {
    std::int64_t nodes = 0;
    std::int64_t joined_nodes = 0;  ///< that another stream has waited for
    std::vector<std::size_t> next_follows;
  };
  std::map<Stream*, Branch> branches;
};

struct Work {
  std::uint64_t sequence;
  Operation run;                    ///< or null, and one of
  std::shared_ptr<Record> records;  ///< is done now
  std::shared_ptr<Record> awaits;
};

struct Stream {
  bool is_blocking = true;  ///< orders itself with the default stream
  std::deque<Work> queue;
  std::shared_ptr<Capture> capture;
};

struct Event {
  bool has_time = true;
  std::shared_ptr<Record> record;  ///< the latest one, or null
};

/// Handles that the program holds.
template <class Handle, class T>
class Registry {
 public:
  Handle add(std::shared_ptr<T> object) {
    const auto handle = reinterpret_cast<Handle>(object.get());
    objects_[handle] = std::move(object);
    return handle;
  }
  /// @return null for a handle that is not one.
  std::shared_ptr<T> find(Handle handle) const {
    const auto at = objects_.find(handle);
    return at == objects_.end() ? nullptr : at->second;
  }
  bool remove(Handle handle) { return objects_.erase(handle) > 0; }

 private:
  std::map<Handle, std::shared_ptr<T>> objects_;
};

/// @throws Failure for what is not a stream.
std::shared_ptr<Stream> stream_of(cudaStream_t handle);
cudaStream_t create_stream(bool is_blocking);
/// What has been queued will still run.
void destroy_stream(cudaStream_t handle);

/// Queues an operation or, while the stream is captured, records it.
cudaError_t enqueue(const std::shared_ptr<Stream>& stream, Operation operation);
cudaError_t record(const std::shared_ptr<Stream>& stream, Event& event);
cudaError_t await(const std::shared_ptr<Stream>& stream, const Event& event);

cudaError_t begin_capture(const std::shared_ptr<Stream>& stream, cudaStreamCaptureMode mode);
cudaError_t end_capture(const std::shared_ptr<Stream>& stream, std::shared_ptr<Graph>& graph);
/// Throws if a capture goes on that forbids this call, and makes the capture invalid.
void forbid_in_capture(const char* what);
/// The same for waiting for a stream that is captured.
void forbid_waiting(Stream& stream);

/// These run queued work. @return the error of work that failed, from now on that of every call.
cudaError_t finish(const std::shared_ptr<Stream>& stream);
cudaError_t finish(const Record& record);
cudaError_t finish_all();
/// Work of the default stream: runs now, after what that stream waits for.
cudaError_t run_now(Operation operation);
/// Runs one piece of work, so that a loop that asks ends. @return whether nothing is left.
bool progress(const std::shared_ptr<Stream>& stream);

}  // namespace nabla::cuda::emulator
