#pragma once

#include <string>
#include <vector>

#include "engine/backend/cuda/block_pool.h"
#include "engine/backend/cuda/handle.h"
#include "engine/backend/cuda/pinned_pool.h"

namespace nabla::cuda {

/// The GPU that plans run on (the first that the driver shows) and what all plans share. Made when it is
/// first asked for, never destroyed: tensors with static lifetime may outlive every other object.
class Context {
 public:
  /// @throws Error with why_unusable() where that is not empty.
  static Context& instance();

  /// "90" of compute capability 9.0.
  int architecture() const { return architecture_; }
  int multiprocessors() const { return multiprocessors_; }
  const std::string& device_name() const { return device_name_; }

  /// Everything that computes or copies runs in this order.
  cudaStream_t stream() const { return stream_.get(); }
  /// Where steps put their work: the stream, or what records a plan.
  cudaStream_t recording_stream() const { return recording_; }
  BlockPool& blocks() { return blocks_; }
  PinnedPool& pinned() { return pinned_; }

  cublasLtHandle_t blas() const { return blas_.get(); }
  /// Scratch memory of cuBLASLt and cuDNN: several, which steps take in turn, so that products may run beside
  /// each other. Under the evaluation lock.
  std::byte* next_workspace() { return workspaces_ + next_workspace_++ % kWorkspaces * kWorkspaceBytes; }
  static constexpr std::size_t kWorkspaces = 4;
  static constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

  /// Waits for all work. @throws Error naming `what` if some of it failed.
  void wait(std::string_view what);

  /// While it lives, steps record their work instead of having it done. One at a time, under the evaluation
  /// lock.
  class Recording {
   public:
    explicit Recording(Context& context);
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

    /// What work that is recorded now has to wait for: nodes of the graph.
    struct Point {
      std::vector<cudaGraphNode_t> nodes;
      std::vector<cudaGraphEdgeData> edges;
    };
    Point here() const;
    /// What comes next waits for this and nothing else.
    void continue_from(const Point& point);
    /// What was recorded. @throws Error naming `what`.
    Graph finish(std::string_view what);

   private:
    Context& context_;
    bool finished_ = false;
  };

 private:
  Context();

  int architecture_ = 0;
  int multiprocessors_ = 0;
  std::string device_name_;
  Stream stream_;
  Stream recording_stream_;
  cudaStream_t recording_ = nullptr;
  BlockPool blocks_;
  PinnedPool pinned_;
  BlasHandle blas_;
  std::byte* workspaces_ = nullptr;
  std::size_t next_workspace_ = 0;
};

}  // namespace nabla::cuda
