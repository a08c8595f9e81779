#include "engine/backend/cpu/tile/tile_kernel.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include "engine/backend/cpu/kernels/sum_order.h"
#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/backend/cpu/tile/stream.h"
#include "engine/backend/cpu/tile/tangent_sum.h"
#include "engine/backend/cpu/tile/tile_instruction.h"

namespace nabla::cpu {
namespace {

// Element operations below which a second thread does not pay, and what a task should have at least.
constexpr std::int64_t kTaskOperations = 65536;
constexpr std::int64_t kMostTasks = 32;
// Results from this size on are written past the caches, which could not keep them for a reader.
constexpr std::int64_t kStreamedBytes = std::int64_t{8} << 20;

struct FreeAligned {
  void operator()(std::byte* data) const { ::operator delete[](data, std::align_val_t{64}); }
};

// Lines that the next tile will read.
struct Ahead {
  const std::byte* first;
  std::int64_t lines;
};

// What a thread works with.
struct Workspace {
  std::unique_ptr<std::byte[], FreeAligned> scratch;
  std::size_t scratch_bytes = 0;
  std::vector<std::byte*> at;
  std::vector<Ahead> ahead;
  std::vector<PairwiseRows<std::byte>> lanes;  // of sums over tangents

  std::byte* scratch_memory(std::size_t bytes) {
    if (scratch_bytes < bytes) {
      scratch.reset(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{64})));
      scratch_bytes = bytes;
    }
    return scratch.get();
  }
};

class Interpreter final : public StepKernel {
 public:
  Interpreter(const TileProgram& source, const Shape& shape, std::span<const Layout> inputs)
      : values_(source, shape, inputs), scratch_bytes_(values_.scratch_bytes()) {
    const TileProgram& program = values_.program();
    for (std::size_t i = 0; i < program.instructions.size(); ++i) {
      const bool folded = program.is_folded(program.inputs + static_cast<int>(i));
      const bool is_sum =
          program.fold == TileProgram::Fold::tangents && !program.instructions[i].primitive->is_pointwise();
      if (program.fold == TileProgram::Fold::tangents && !is_sum && folded && i == once_) ++once_;
      if (!is_sum && !folded) behind_tangents_ = i + 1;
      if (is_sum) sums_.push_back(sum(i));
      instructions_.push_back(is_sum ? std::nullopt
                                     : std::optional<TileInstruction>(TileInstruction(values_, i)));
    }
    behind_tangents_ = std::max(behind_tangents_, once_);
  }

  void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) const override {
    const TileWalk& walk = values_.walk();
    if (walk.elements() == 0) return;
    const std::int64_t tiles = walk.tile_count();
    const std::int64_t per_tile = walk.unit() * values_.tangents() *
                                  static_cast<std::int64_t>(instructions_.size() + values_.load_count());
    // Enough work for a task, but not more tasks than share it well: within one, memory is read in order.
    const std::int64_t per_task = std::max({std::int64_t{1}, kTaskOperations / per_tile, tiles / kMostTasks});
    const InstructionSet set = instruction_set();
    const auto streamed = std::make_unique<bool[]>(outputs.size());
    bool streams = false;
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      streamed[o] = is_streamed(o, inputs, outputs);
      streams = streams || streamed[o];
    }
    const auto work = [&](std::int64_t task) {
      Workspace& own = thread_own<Workspace>();
      own.at.resize(values_.places().size());
      const Memory memory{
          inputs, outputs, {streamed.get(), outputs.size()}, own.scratch_memory(scratch_bytes_)};
      const std::int64_t end = std::min(tiles, (task + 1) * per_task);
      values_.load(Loaded::for_task, false, walk.tile(task * per_task), 0, memory);
      for (std::int64_t t = task * per_task; t < end; ++t) {
        if (values_.tangents() > 1)
          run_tangents(walk.tile(t), set, memory, own);
        else
          run_tile(t, t + 1 < end, set, memory, own);
      }
      if (streams) stream_fence();
    };
    if (tiles <= per_task) return work(0);
    parallel_for((tiles + per_task - 1) / per_task, work);
  }

 private:
  using Tile = TileValues::Tile;
  using Memory = TileValues::Memory;
  struct Sum {
    TangentSum loops;
    std::size_t instruction;
    std::size_t operand, result;  // values
    std::size_t scratch;          // where it is carried, lanes that wait for each other behind each other
    std::int64_t bytes = 0;       // of a lane
  };

  Sum sum(std::size_t instruction) {
    const TileProgram& program = values_.program();
    const std::size_t operand = program.instructions[instruction].operands[0];
    Sum sum{tangent_sum(program.dtypes[operand]), instruction, operand,
            static_cast<std::size_t>(program.inputs) + instruction, scratch_bytes_};
    sum.bytes = (values_.walk().unit() * sum.loops.size + 63) / 64 * 64;
    scratch_bytes_ += static_cast<std::size_t>(most_waiting(values_.tangents()) * sum.bytes);
    return sum;
  }

  void look_ahead(Tile tile, const Memory& memory, std::vector<Ahead>& ahead) const {
    for (const TilePlace& place : values_.places()) {
      if (place.kind != TilePlace::Kind::input || place.stride != 1 || place.folded) continue;
      ahead.push_back({values_.input_start(place, tile, 0, memory), tile.count * place.size / kCacheLine});
    }
  }
  // Asks for part `part` of `parts` of them: a tile is a page or less, where the processor's own prefetching
  // has just begun to see a pattern, and it has room for few requests at a time.
  static void prefetch(const std::vector<Ahead>& ahead, std::int64_t part, std::int64_t parts) {
    for (const Ahead& x : ahead)
      for (std::int64_t line = x.lines * part / parts; line < x.lines * (part + 1) / parts; ++line)
        prefetch_line(x.first + line * kCacheLine);
  }

  void run_tile(std::int64_t index, bool has_next, InstructionSet set, const Memory& memory,
                Workspace& own) const {
    const Tile tile = values_.walk().tile(index);
    own.ahead.clear();
    if (has_next) look_ahead(values_.walk().tile(index + 1), memory, own.ahead);
    place_and_load(false, tile, 0, memory, own.at);
    if (values_.row() > 1) place_and_load(true, tile, 0, memory, own.at);
    const std::int64_t parts = static_cast<std::int64_t>(instructions_.size());
    for (std::int64_t i = 0; i < parts; ++i) {
      prefetch(own.ahead, i, parts);
      instructions_[i]->run(set, own.at, tile.count);
    }
    stream_out(tile, 0, memory);
  }

  void run_tangents(Tile tile, InstructionSet set, const Memory& memory, Workspace& own) const {
    const std::span<std::byte*> at = own.at;
    place_and_load(true, tile, 0, memory, at);
    for (std::size_t i = 0; i < once_; ++i) instructions_[i]->run(set, at, tile.count);
    // In the order in which the sums want them.
    std::vector<PairwiseRows<std::byte>>& lanes = own.lanes;
    lanes.clear();
    for (const Sum& sum : sums_) lanes.emplace_back(memory.scratch + sum.scratch, sum.bytes);
    const auto merge = [&](const Sum& sum) {
      return [&, add = sum.loops.merge.at(set)](std::byte* to, const std::byte* above, std::int64_t) {
        add(to, above, tile.count);
      };
    };
    for_each_lane(values_.tangents(), [&](std::int64_t first, std::int64_t step, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t tangent = first + i * step;
        place_and_load(false, tile, tangent, memory, at);
        for (std::size_t k = once_; k < behind_tangents_; ++k) instructions_[k]->run(set, at, tile.count);
        for (std::size_t s = 0; s < sums_.size(); ++s) {
          const TangentSum& loops = sums_[s].loops;
          (i == 0 ? loops.first : loops.add)
              .at(set)(lanes[s].row(), at[sums_[s].operand], values_.places()[sums_[s].operand].stride,
                       tile.count);
        }
        stream_out(tile, tangent, memory);
      }
      for (std::size_t s = 0; s < sums_.size(); ++s) lanes[s].add(merge(sums_[s]));
    });
    std::size_t next = 0;
    for (std::size_t i = behind_tangents_; i < instructions_.size(); ++i) {
      if (instructions_[i]) {
        instructions_[i]->run(set, at, tile.count);
      } else {
        const Sum& sum = sums_[next];
        sum.loops.finish(at[sum.result], lanes[next].total(merge(sum)), tile.count);
        ++next;
      }
    }
  }

  void place_and_load(bool folded, Tile tile, std::int64_t tangent, const Memory& memory,
                      std::span<std::byte*> at) const {
    values_.load(Loaded::for_tile, folded, tile, tangent, memory);
    values_.place(folded, tile, tangent, memory, at);
  }

  void stream_out(Tile tile, std::int64_t tangent, const Memory& memory) const {
    for (std::size_t o = 0; o < memory.streamed.size(); ++o) {
      if (!memory.streamed[o]) continue;
      const TilePlace& place = values_.output(o);
      stream_copy(memory.outputs[o] + values_.start_in_output(place, tile, tangent) * place.size,
                  values_.streamed_from(o, memory), tile.count * place.size);
    }
  }

  // What takes over the memory of an input is in the caches already.
  bool is_streamed(std::size_t output, std::span<const std::byte* const> inputs,
                   std::span<std::byte* const> outputs) const {
    const TilePlace& place = values_.output(output);
    return !place.folded && values_.walk().elements() * values_.tangents() * place.size >= kStreamedBytes &&
           std::ranges::find(inputs, outputs[output]) == inputs.end();
  }

  TileValues values_;
  std::vector<std::optional<TileInstruction>> instructions_;  // nothing for a sum over tangents
  std::vector<Sum> sums_;
  std::size_t scratch_bytes_;
  std::size_t once_ = 0;             // instructions that run once for all tangents
  std::size_t behind_tangents_ = 0;  // the first that runs behind all tangents
};

}  // namespace

std::unique_ptr<const StepKernel> make_tile_kernel(const TileProgram& program, const Shape& shape,
                                                   std::span<const Layout> inputs) {
  return std::make_unique<Interpreter>(program, shape, inputs);
}

}  // namespace nabla::cpu
