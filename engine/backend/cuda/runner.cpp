#include "engine/backend/cuda/runner.h"

#include <algorithm>
#include <utility>

#include "engine/backend/cuda/arena.h"
#include "engine/backend/cuda/context.h"
#include "engine/backend/cuda/device_memory.h"
#include "engine/backend/cuda/kernels.h"
#include "engine/backend/cuda/moving_blocks.h"
#include "engine/backend/cuda/packed_inputs.h"
#include "engine/backend/cuda/step.h"
#include "engine/backend/cuda/step_dependencies.h"

namespace nabla::cuda {
namespace {

// A graph of fewer steps is launched no faster than they are.
constexpr std::size_t kFewestSteps = 3;
// A loop alternates between two sets of addresses where a result outlives the next turn; more are rare.
constexpr std::size_t kMostGraphs = 4;

RunnerStatistics statistics{};  // under the evaluation lock

class Runner final : public StepRunner {
 public:
  Runner(std::vector<BoundStep> steps, std::vector<BoundBlock> blocks)
      : bound_(std::move(steps)), blocks_(std::move(blocks)), inputs_(blocks_), moving_(blocks_) {
    for (const BoundStep& bound : bound_) {
      // Steps of a plan for the GPU were made by this backend.
      steps_.push_back(static_cast<const Step*>(bound.kernel.get()));
      if (steps_.back()->may_refuse()) refusing_.push_back(steps_.back());
    }
  }

  std::shared_ptr<Buffer> arena(std::size_t bytes) override { return arena_.memory(bytes); }

  void bring(std::span<Buffer* const> buffers, std::span<std::byte*> addresses) override {
    inputs_.bring(buffers, addresses);
  }

  void run(std::span<std::byte* const> blocks, const std::function<void(std::size_t)>& after) override {
    if (!ready_) make_ready();
    if (after) {
      run_and_wait(blocks, after);
    } else if (const GraphExec* graph = graph_for(blocks)) {
      moving_.copy_in(blocks);
      check(cudaGraphLaunch(graph->get(), Context::instance().stream()), "cudaGraphLaunch");
      moving_.copy_out(blocks);
      ++statistics.replayed;
    } else {
      for (std::size_t s = 0; s < steps_.size(); ++s) run_step(s, blocks);
      ++statistics.enqueued;
    }
    if (!refusing_.empty()) throw_refusals();
  }

 private:
  struct Captured {
    std::vector<std::byte*> blocks;
    GraphExec graph;  // empty while these addresses were seen once
  };

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
    for (const int input : bound_[s].inputs) read_.push_back(blocks[static_cast<std::size_t>(input)]);
    for (const int output : bound_[s].outputs) written_.push_back(blocks[static_cast<std::size_t>(output)]);
    steps_[s]->run(read_, written_);
  }

  void run_and_wait(std::span<std::byte* const> blocks, const std::function<void(std::size_t)>& after) {
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      run_step(s, blocks);
      Context::instance().wait(steps_[s]->name());
      after(s);
    }
  }

  // The graph of a run on these addresses, made now if it is worth it; else nothing.
  const GraphExec* graph_for(std::span<std::byte* const> blocks) {
    if (steps_.size() < kFewestSteps) return nullptr;
    std::vector<std::byte*> fixed = moving_.fixed(blocks);
    const auto found = std::ranges::find(captured_, fixed, &Captured::blocks);
    if (found == captured_.end()) {
      moving_.note(blocks);
      if (captured_.size() == kMostGraphs) captured_.erase(captured_.begin());
      captured_.push_back({std::move(fixed), {}});
      return nullptr;
    }
    std::rotate(found, found + 1, captured_.end());  // the last one used comes last
    Captured& captured = captured_.back();
    if (!captured.graph) {
      const Graph graph = record(captured.blocks);
      check(cudaGraphInstantiate(captured.graph.address(), graph.get(), 0), "cudaGraphInstantiate");
      ++statistics.captured;
    }
    return &captured.graph;
  }

  // Steps wait for those whose memory they need and for no others, so that small ones run beside each other.
  Graph record(std::span<std::byte* const> blocks) {
    const std::vector<std::vector<int>> dependencies = step_dependencies(memory_of(blocks));
    Context::Recording recording(Context::instance());
    std::vector<Context::Recording::Point> behind;
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      Context::Recording::Point point;
      for (const int earlier : dependencies[s]) {
        const Context::Recording::Point& other = behind[static_cast<std::size_t>(earlier)];
        point.nodes.insert(point.nodes.end(), other.nodes.begin(), other.nodes.end());
        point.edges.insert(point.edges.end(), other.edges.begin(), other.edges.end());
      }
      recording.continue_from(point);
      run_step(s, blocks);
      behind.push_back(recording.here());
    }
    return recording.finish("capturing a plan");
  }

  std::vector<StepMemory> memory_of(std::span<std::byte* const> blocks) const {
    std::vector<StepMemory> steps(steps_.size());
    const auto piece = [&](int block) -> StepMemory::Piece {
      return {blocks[static_cast<std::size_t>(block)], blocks_[static_cast<std::size_t>(block)].bytes};
    };
    for (std::size_t s = 0; s < steps.size(); ++s) {
      for (const int input : bound_[s].inputs) steps[s].read.push_back(piece(input));
      for (const int output : bound_[s].outputs) steps[s].written.push_back(piece(output));
      if (std::byte* const workspace = steps_[s]->workspace())
        steps[s].written.push_back({workspace, Context::kWorkspaceBytes});
    }
    return steps;
  }

  void throw_refusals() {
    std::vector<Refusal> noted(refusing_.size());
    download(reinterpret_cast<std::byte*>(noted.data()), refusals_->address(),
             noted.size() * sizeof(Refusal));
    for (std::size_t i = 0; i < noted.size(); ++i) {
      if (!noted[i].raised) continue;
      clear_refusals();
      throw Error(refusing_[i]->refusal_of(noted[i].index));
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
  Arena arena_;
  PackedInputs inputs_;
  MovingBlocks moving_;
  bool ready_ = false;
  std::vector<Captured> captured_;
  std::vector<const std::byte*> read_;
  std::vector<std::byte*> written_;
};

}  // namespace

std::unique_ptr<StepRunner> make_runner(std::vector<BoundStep> steps, std::vector<BoundBlock> blocks) {
  return std::make_unique<Runner>(std::move(steps), std::move(blocks));
}

RunnerStatistics runner_statistics() { return statistics; }

}  // namespace nabla::cuda
