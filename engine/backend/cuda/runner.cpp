#include "engine/backend/cuda/runner.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "engine/backend/cuda/context.h"
#include "engine/backend/cuda/cuda_backend.h"
#include "engine/backend/cuda/device_memory.h"
#include "engine/backend/cuda/kernels.h"
#include "engine/backend/cuda/step.h"

namespace nabla::cuda {
namespace {

// A graph of fewer steps is launched no faster than they are.
constexpr std::size_t kFewestSteps = 3;
// A loop alternates between two sets of addresses where a result outlives the next turn; more are rare.
constexpr std::size_t kMostGraphs = 4;
// A block that is elsewhere for the third time keeps moving: the results of a loop that are all kept, say.
constexpr int kMostMoves = 2;
// A larger one would take longer to copy than a plan gains by being captured.
constexpr std::size_t kMostCopiedBytes = std::size_t{1} << 20;

RunnerStatistics statistics{};  // under the evaluation lock

class Runner;

// All of them, so that one that lacks memory can have that of the others.
struct Runners {
  std::mutex mutex;
  std::set<Runner*> all;
};
Runners& runners() {
  static Runners& instance = *new Runners;  // never destroyed: plans with static lifetime may outlive it
  return instance;
}

class Runner final : public StepRunner {
 public:
  Runner(std::vector<BoundStep> steps, std::vector<BoundBlock> blocks)
      : bound_(std::move(steps)), uses_(std::move(blocks)), moves_(uses_.size()), places_(uses_.size()) {
    {
      const std::lock_guard lock(runners().mutex);
      runners().all.insert(this);
    }
    for (const BoundStep& bound : bound_) {
      // Steps of a plan for the GPU were made by this backend.
      steps_.push_back(static_cast<const Step*>(bound.kernel.get()));
      if (steps_.back()->may_refuse()) refusing_.push_back(steps_.back());
    }
  }

  ~Runner() override {
    const std::lock_guard lock(runners().mutex);
    runners().all.erase(this);
  }

  std::shared_ptr<Buffer> arena(std::size_t bytes) override {
    if (!arena_) arena_ = backend().allocate(bytes);
    return arena_;
  }
  void release_arena() { arena_ = nullptr; }

  void run(std::span<std::byte* const> blocks, const std::function<void(std::size_t)>& after) override {
    if (!ready_) make_ready();
    if (after) {
      enqueue(blocks, after);
    } else if (const GraphExec* graph = graph_for(blocks)) {
      copy_to_places(blocks);
      check(cudaGraphLaunch(graph->get(), Context::instance().stream()), "cudaGraphLaunch");
      copy_from_places(blocks);
      ++statistics.replayed;
    } else {
      enqueue(blocks, {});
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
      const std::size_t bytes = refusing_.size() * sizeof(Refusal);
      refusals_ = std::make_unique<Block>(bytes);
      clear_refusals();
      Refusal* const places = reinterpret_cast<Refusal*>(refusals_->address());
      for (std::size_t i = 0; i < refusing_.size(); ++i) refusing_[i]->note_refusals_at(places + i);
    }
    ready_ = true;
  }

  void enqueue(std::span<std::byte* const> blocks, const std::function<void(std::size_t)>& after) {
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      read_.clear();
      written_.clear();
      for (const int input : bound_[s].inputs) read_.push_back(blocks[static_cast<std::size_t>(input)]);
      for (const int output : bound_[s].outputs) written_.push_back(blocks[static_cast<std::size_t>(output)]);
      steps_[s]->run(read_, written_);
      if (!after) continue;
      Context::instance().wait(steps_[s]->name());
      after(s);
    }
  }

  // The graph of a run on these addresses, made now if it is worth it; else nothing.
  const GraphExec* graph_for(std::span<std::byte* const> blocks) {
    if (steps_.size() < kFewestSteps) return nullptr;
    std::vector<std::byte*> fixed(blocks.begin(), blocks.end());
    for (std::size_t i = 0; i < fixed.size(); ++i)
      if (places_[i]) fixed[i] = places_[i]->address();
    const auto found = std::ranges::find(captured_, fixed, &Captured::blocks);
    if (found == captured_.end()) {
      give_places(blocks);
      if (captured_.size() == kMostGraphs) captured_.erase(captured_.begin());
      captured_.push_back({std::move(fixed), {}});
      return nullptr;
    }
    std::rotate(found, found + 1, captured_.end());  // the last one used comes last
    Captured& captured = captured_.back();
    if (!captured.graph) {
      Context::Recording recording(Context::instance());
      enqueue(fixed, {});
      const Graph graph = recording.finish("capturing a plan");
      check(cudaGraphInstantiate(captured.graph.address(), graph.get(), 0), "cudaGraphInstantiate");
      ++statistics.captured;
    }
    return &captured.graph;
  }

  // Counts which blocks have moved since the last run that found no graph.
  void give_places(std::span<std::byte* const> blocks) {
    for (std::size_t i = 0; i < last_.size(); ++i) {
      const BoundBlock& block = uses_[i];
      const bool may_be_copied = block.use == BoundBlock::Use::read || block.use == BoundBlock::Use::made;
      if (places_[i] || blocks[i] == last_[i] || !may_be_copied || ++moves_[i] <= kMostMoves ||
          block.bytes > kMostCopiedBytes)
        continue;
      places_[i] = std::make_unique<Block>(block.bytes);
    }
    last_.assign(blocks.begin(), blocks.end());
  }
  void copy_to_places(std::span<std::byte* const> blocks) {
    for (std::size_t i = 0; i < places_.size(); ++i)
      if (places_[i] && uses_[i].use == BoundBlock::Use::read) copy(places_[i]->address(), blocks[i], i);
  }
  void copy_from_places(std::span<std::byte* const> blocks) {
    for (std::size_t i = 0; i < places_.size(); ++i)
      if (places_[i] && uses_[i].use == BoundBlock::Use::made) copy(blocks[i], places_[i]->address(), i);
  }
  void copy(std::byte* to, const std::byte* from, std::size_t block) {
    check(
        cudaMemcpyAsync(to, from, uses_[block].bytes, cudaMemcpyDeviceToDevice, Context::instance().stream()),
        "a copy on the device");
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
  std::vector<BoundBlock> uses_;  // of the blocks
  std::vector<int> moves_;
  std::vector<std::unique_ptr<Block>> places_;  // of blocks that keep moving
  std::vector<std::byte*> last_;
  std::vector<const Step*> steps_;
  std::vector<const Step*> refusing_;
  std::unique_ptr<Block> refusals_;  // one for each of these
  std::shared_ptr<Buffer> arena_;
  bool ready_ = false;
  std::vector<Captured> captured_;
  std::vector<const std::byte*> read_;
  std::vector<std::byte*> written_;
};

}  // namespace

std::unique_ptr<StepRunner> make_runner(std::vector<BoundStep> steps, std::vector<BoundBlock> blocks) {
  return std::make_unique<Runner>(std::move(steps), std::move(blocks));
}

void release_arenas() {
  const std::lock_guard lock(runners().mutex);
  for (Runner* runner : runners().all) runner->release_arena();
}

RunnerStatistics runner_statistics() { return statistics; }

}  // namespace nabla::cuda
