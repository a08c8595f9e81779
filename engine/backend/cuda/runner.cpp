#include "engine/backend/cuda/runner.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "engine/backend/cuda/arena.h"
#include "engine/backend/cuda/context.h"
#include "engine/backend/cuda/device_memory.h"
#include "engine/backend/cuda/kernels.h"
#include "engine/backend/cuda/moving_blocks.h"
#include "engine/backend/cuda/packed_inputs.h"
#include "engine/backend/cuda/step.h"
#include "engine/backend/cuda/step_dependencies.h"
#include "engine/graph/node.h"

namespace nabla::cuda {
namespace {

// A graph of fewer steps is launched no faster than they are.
constexpr std::size_t kFewestSteps = 3;
// A loop alternates between two sets of addresses where a result outlives the next turn, and takes a few in
// turn where its batches lie on the device.
constexpr std::size_t kMostGraphs = 8;

// A plan whose capture fails so often is enqueued from then on.
constexpr int kMostFailures = 3;

bool may_capture() {
  static const bool may = [] {
    const char* const set = std::getenv("NABLAFLOW_CUDA_GRAPHS");
    return !set || std::string_view(set) != "0";
  }();
  return may;
}

RunnerStatistics statistics{};  // under the evaluation lock

class Runner final : public StepRunner {
 public:
  Runner(std::vector<BoundStep> steps, std::vector<BoundBlock> blocks)
      : bound_(std::move(steps)), blocks_(std::move(blocks)), inputs_(blocks_), moving_(blocks_) {
    for (const BoundStep& bound : bound_) {
      // Steps of a plan for the GPU were made by this backend.
      steps_.push_back(static_cast<const Step*>(bound.kernel.get()));
      if (!steps_.back()->may_refuse()) continue;
      refusing_.push_back(steps_.back());
      refusals_end_ = steps_.size();
    }
    for (const auto& [begin, end] :
         {std::pair{std::size_t{0}, refusals_end_}, {refusals_end_, steps_.size()}})
      if (begin < end) parts_.push_back({begin, end});
  }

  std::shared_ptr<Buffer> arena(std::size_t bytes) override { return arena_.memory(bytes); }

  void locate(std::span<Buffer* const> buffers, std::span<std::byte*> addresses) override {
    inputs_.locate(buffers, addresses);
  }

  void run(std::span<std::byte* const> blocks, const std::function<void(std::size_t)>& after) override {
    if (!ready_) make_ready();
    if (may_hold_refusals_) clear_refusals();  // of a run that went wrong
    may_hold_refusals_ = !refusing_.empty();
    if (after) {
      run_parts([&](std::size_t part) { run_and_wait(parts_[part], blocks, after); });
    } else if (const Captured* captured = captured_for(blocks)) {
      moving_.copy_in(blocks);
      run_parts([&](std::size_t part) {
        check(cudaGraphLaunch(captured->graphs[part].get(), Context::instance().stream()), "cudaGraphLaunch");
      });
      moving_.copy_out(blocks);
      ++statistics.replayed;
    } else {
      run_parts([&](std::size_t part) {
        for (std::size_t s = parts_[part].begin; s < parts_[part].end; ++s) run_step(s, blocks);
      });
      ++statistics.enqueued;
      remember(blocks);
    }
  }

 private:
  // Steps that are enqueued together. What comes behind the last one that may refuse its data is a part of
  // its own: it overwrites what a refusal must leave as it was.
  struct Part {
    std::size_t begin, end;
  };
  struct Captured {
    std::vector<std::byte*> blocks;
    std::vector<GraphExec> graphs;  // of the parts; none yet where these addresses were seen too seldom
    int seen = 0;
  };

  template <class RunPart>
  void run_parts(const RunPart& run_part) {
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      run_part(part);
      if (parts_[part].end == refusals_end_) throw_refusals();
    }
  }

  void make_ready() {
    std::vector<const KernelSource*> sources;
    for (const Step* step : steps_) step->add_sources(sources);
    Kernels::instance().load(sources);
    for (const Step* step : steps_) step->make_ready();
    if (!refusing_.empty()) {
      refusals_ = std::make_unique<Block>(refusing_.size() * sizeof(Refusal));
      clear_refusals();
      Refusal* const places = reinterpret_cast<Refusal*>(refusals_->address());
      for (std::size_t i = 0; i < refusing_.size(); ++i) refusing_[i]->note_refusals_at(places + i);
    }
    ready_ = true;
  }

  void run_step(std::size_t s, std::span<std::byte* const> blocks) {
    read_.clear();
    written_.clear();
    for (const int input : bound_[s].inputs) read_.push_back(blocks[input]);
    for (const int output : bound_[s].outputs) written_.push_back(blocks[output]);
    steps_[s]->run(read_, written_);
  }

  void run_and_wait(const Part& part, std::span<std::byte* const> blocks,
                    const std::function<void(std::size_t)>& after) {
    for (std::size_t s = part.begin; s < part.end; ++s) {
      run_step(s, blocks);
      Context::instance().wait(steps_[s]->name());
      after(s);
    }
  }

  // The graphs of a run on these addresses, made now if it is worth it; else nothing.
  const Captured* captured_for(std::span<std::byte* const> blocks) {
    if (steps_.size() < kFewestSteps || failures_ == kMostFailures || !may_capture()) return nullptr;
    const std::vector<std::byte*> fixed = moving_.fixed(blocks);
    const auto captured_before = std::ranges::find(captured_, fixed, &Captured::blocks);
    if (captured_before == captured_.end()) {
      moving_.note(blocks);
      return nullptr;
    }
    std::rotate(captured_before, captured_before + 1, captured_.end());  // the last one used comes last
    Captured& captured = captured_.back();
    ++captured.seen;
    if (captured.graphs.empty()) {
      if (captured.seen <= underused_graphs_) return nullptr;
      try {
        captured.graphs = capture(captured.blocks);
      } catch (const Error& error) {
        // Without a graph it takes longer, and that is all.
        ++failures_;
        warn("cuda: a plan of " + std::to_string(steps_.size()) + " steps was not captured: " + error.what());
        return nullptr;
      }
    }
    return &captured;
  }

  // After a run on these addresses: a kernel must not be loaded for its first launch while that is captured.
  void remember(std::span<std::byte* const> blocks) {
    std::vector<std::byte*> fixed = moving_.fixed(blocks);
    if (std::ranges::find(captured_, fixed, &Captured::blocks) != captured_.end()) return;
    if (captured_.size() == kMostGraphs) {
      // What was captured and hardly ran says that the next should be seen more often first.
      const Captured& oldest = captured_.front();
      if (!oldest.graphs.empty() && oldest.seen <= underused_graphs_ + 2) ++underused_graphs_;
      captured_.erase(captured_.begin());
    }
    captured_.push_back({std::move(fixed), {}});
  }

  std::vector<GraphExec> capture(std::span<std::byte* const> blocks) {
    std::vector<GraphExec> graphs(parts_.size());
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      const Graph graph = record(parts_[part], blocks);
      check(cudaGraphInstantiate(graphs[part].address(), graph.get(), 0), "cudaGraphInstantiate");
    }
    ++statistics.captured;
    return graphs;
  }

  // Steps wait for those whose memory they need and for no others, so that small ones run beside each other.
  Graph record(const Part& part, std::span<std::byte* const> blocks) {
    const std::vector<std::vector<int>> dependencies = step_dependencies(memory_of(part, blocks));
    Context::Recording recording(Context::instance());
    std::vector<Context::Recording::Point> behind;
    for (std::size_t s = part.begin; s < part.end; ++s) {
      Context::Recording::Point point;
      for (const int earlier : dependencies[s - part.begin]) {
        const Context::Recording::Point& other = behind[earlier];
        for (std::size_t i = 0; i < other.nodes.size(); ++i) {
          // Steps without work leave the point before them, which others may have left as well.
          if (std::ranges::find(point.nodes, other.nodes[i]) != point.nodes.end()) continue;
          point.nodes.push_back(other.nodes[i]);
          point.edges.push_back(other.edges[i]);
        }
      }
      recording.continue_from(point);
      run_step(s, blocks);
      behind.push_back(recording.here());
    }
    return recording.finish("capturing a plan");
  }

  std::vector<StepMemory> memory_of(const Part& part, std::span<std::byte* const> blocks) const {
    std::vector<StepMemory> steps(part.end - part.begin);
    const auto piece = [&](int block) -> StepMemory::Piece { return {blocks[block], blocks_[block].bytes}; };
    for (std::size_t s = part.begin; s < part.end; ++s) {
      StepMemory& step = steps[s - part.begin];
      for (const int input : bound_[s].inputs) step.read.push_back(piece(input));
      for (const int output : bound_[s].outputs) step.written.push_back(piece(output));
      if (std::byte* const workspace = steps_[s]->workspace())
        step.written.push_back({workspace, Context::kWorkspaceBytes});
    }
    return steps;
  }

  void throw_refusals() {
    std::vector<Refusal> refusals(refusing_.size());
    download(reinterpret_cast<std::byte*>(refusals.data()), refusals_->address(),
             refusals.size() * sizeof(Refusal));
    may_hold_refusals_ = false;
    for (std::size_t i = 0; i < refusals.size(); ++i) {
      if (!refusals[i].raised) continue;
      clear_refusals();
      throw Error(refusing_[i]->refusal_of(refusals[i].index));
    }
  }
  void clear_refusals() {
    check(cudaMemsetAsync(refusals_->address(), 0, refusing_.size() * sizeof(Refusal),
                          Context::instance().stream()),
          "cudaMemsetAsync");
  }

  std::vector<BoundStep> bound_;
  std::vector<BoundBlock> blocks_;
  std::vector<const Step*> steps_;
  std::vector<const Step*> refusing_;
  std::unique_ptr<Block> refusals_;  // one for each of these
  std::size_t refusals_end_ = 0;     // the step behind the last of them
  std::vector<Part> parts_;
  Arena arena_;
  PackedInputs inputs_;
  MovingBlocks moving_;
  bool ready_ = false;
  bool may_hold_refusals_ = false;
  std::vector<Captured> captured_;
  int underused_graphs_ = 0;
  int failures_ = 0;  // of captures
  std::vector<const std::byte*> read_;
  std::vector<std::byte*> written_;
};

}  // namespace

std::unique_ptr<StepRunner> make_runner(std::vector<BoundStep> steps, std::vector<BoundBlock> blocks) {
  return std::make_unique<Runner>(std::move(steps), std::move(blocks));
}

RunnerStatistics runner_statistics() { return statistics; }

}  // namespace nabla::cuda
