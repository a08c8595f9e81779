#include "engine/backend/cpu/tile_kernel.h"

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "engine/backend/cpu/pointwise_rows.h"
#include "engine/backend/cpu/stream.h"
#include "engine/backend/cpu/thread_pool.h"
#include "engine/backend/cpu/tile_registers.h"
#include "engine/backend/cpu/tile_walk.h"

namespace nabla::cpu {
namespace {

// One register. A handful of them stay in the first-level cache.
constexpr std::int64_t kTileBytes = 4096;
// Element operations below which a second thread does not pay, and what a task should have at least.
constexpr std::int64_t kTaskOperations = 65536;
constexpr std::int64_t kMostTasks = 32;
// Results from this size on are written past the caches, which could not keep them for a reader.
constexpr std::int64_t kStreamedBytes = std::int64_t{8} << 20;

std::int64_t tile_elements(const TileProgram& program) {
  std::size_t widest = 1;
  for (const DType dtype : program.dtypes) widest = std::max(widest, size_of(dtype));
  return kTileBytes / static_cast<std::int64_t>(widest);
}

struct FreeAligned {
  void operator()(std::byte* data) const { ::operator delete[](data, std::align_val_t{64}); }
};

// The registers of this thread.
std::byte* registers(std::size_t bytes) {
  thread_local std::unique_ptr<std::byte[], FreeAligned> memory;
  thread_local std::size_t size = 0;
  if (size < bytes) {
    memory.reset(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{64})));
    size = bytes;
  }
  return memory.get();
}

class Interpreter final : public TileKernel {
 public:
  Interpreter(const TileProgram& program, const Shape& shape, std::span<const Layout> inputs)
      : walk_(shape, inputs, tile_elements(program)), places_(program.dtypes.size()) {
    std::vector<Loaded> loaded(static_cast<std::size_t>(program.inputs), Loaded::no);
    for (std::size_t k = 0; k < loaded.size(); ++k)
      if (walk_.needs_load(k)) loaded[k] = walk_.is_same_row(k) ? Loaded::for_task : Loaded::for_tile;
    const TileRegisters assigned = assign_registers(program, loaded);
    register_count_ = assigned.count;
    for (std::size_t v = 0; v < places_.size(); ++v) {
      const int index = assigned.of_value[v];
      const std::int64_t size = static_cast<std::int64_t>(size_of(program.dtypes[v]));
      if (index >= 0) places_[v] = {Place::Kind::in_register, index, 1, size};
      if (v < loaded.size()) {
        offsets_.push_back(inputs[v].offset * size);
        if (loaded[v] != Loaded::no) {
          loads_.push_back({v, index, size, loaded[v]});
        } else {
          places_[v] = {Place::Kind::input, static_cast<int>(v), walk_.stride(v), size};
        }
      }
    }
    for (std::size_t o = 0; o < program.outputs.size(); ++o) {
      const std::size_t v = static_cast<std::size_t>(program.outputs[o]);
      output_sizes_.push_back(static_cast<std::int64_t>(size_of(program.dtypes[v])));
      places_[v] = {Place::Kind::output, static_cast<int>(o), 1, output_sizes_.back()};
    }
    for (std::size_t i = 0; i < program.instructions.size(); ++i) {
      const TileProgram::Instruction& from = program.instructions[i];
      Instruction to{};
      std::array<DType, 3> types{};
      to.operand_count = from.operand_count;
      for (std::size_t k = 0; k < static_cast<std::size_t>(from.operand_count); ++k) {
        to.operands[k] = static_cast<std::size_t>(from.operands[k]);
        types[k] = program.dtypes[to.operands[k]];
        to.strides[k] = places_[to.operands[k]].stride;
      }
      to.result = static_cast<std::size_t>(program.inputs) + i;
      to.rows = pointwise_row(*from.primitive, {types.data(), static_cast<std::size_t>(from.operand_count)},
                              program.dtypes[to.result]);
      instructions_.push_back(to);
    }
  }

  void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) const override {
    if (walk_.elements() == 0) return;
    const std::int64_t tiles = walk_.tile_count();
    const std::int64_t per_tile =
        walk_.unit() * static_cast<std::int64_t>(instructions_.size() + loads_.size());
    // Enough work for a task, but not more tasks than share it well: within one, memory is read in order.
    const std::int64_t per_task = std::max({std::int64_t{1}, kTaskOperations / per_tile, tiles / kMostTasks});
    const InstructionSet set = instruction_set();
    std::vector<bool> streamed;
    for (std::size_t o = 0; o < outputs.size(); ++o) streamed.push_back(is_streamed(o, inputs, outputs));
    const bool streams = std::ranges::find(streamed, true) != streamed.end();
    const auto work = [&](std::int64_t task) {
      std::byte* scratch =
          registers((static_cast<std::size_t>(register_count_) + outputs.size()) * kTileBytes);
      thread_local std::vector<std::byte*> at;
      thread_local std::vector<Ahead> ahead;
      at.resize(places_.size());
      const std::int64_t first = task * per_task;
      const std::int64_t end = std::min(tiles, first + per_task);
      load(Loaded::for_task, walk_.tile(first), inputs, scratch);
      for (std::int64_t t = first; t < end; ++t) {
        ahead.clear();
        if (t + 1 < end) look_ahead(walk_.tile(t + 1), inputs, ahead);
        load(Loaded::for_tile, walk_.tile(t), inputs, scratch);
        run_tile(walk_.tile(t), set, inputs, outputs, streamed, scratch, at, ahead);
      }
      if (streams) stream_fence();
    };
    if (tiles <= per_task) return work(0);
    parallel_for((tiles + per_task - 1) / per_task, work);
  }

 private:
  // Where a value is while a tile is worked on.
  struct Place {
    enum class Kind { in_register, input, output };
    Kind kind = Kind::in_register;
    int index = 0;
    std::int64_t stride = 1, size = 0;
  };
  struct Load {
    std::size_t input;
    int to;
    std::int64_t size;
    Loaded lasts;
  };
  struct Instruction {
    RowVariants rows;
    std::array<std::size_t, 3> operands;
    std::array<std::int64_t, 3> strides;
    int operand_count;
    std::size_t result;
  };

  // Lines that the next tile will read.
  struct Ahead {
    const std::byte* first;
    std::int64_t lines;
  };
  void look_ahead(TileWalk::Tile tile, std::span<const std::byte* const> inputs,
                  std::vector<Ahead>& ahead) const {
    for (const Place& place : places_) {
      if (place.kind != Place::Kind::input || place.stride != 1) continue;
      const std::size_t index = static_cast<std::size_t>(place.index);
      const std::byte* first = inputs[index] + offsets_[index] + walk_.offset(index, tile.start) * place.size;
      ahead.push_back({first, tile.count * place.size / kCacheLine});
    }
  }
  // Asks for part `part` of `parts` of them: a tile is a page or less, where the processor's own prefetching
  // has just begun to see a pattern, and it has room for few requests at a time.
  static void prefetch(const std::vector<Ahead>& ahead, std::int64_t part, std::int64_t parts) {
    for (const Ahead& x : ahead)
      for (std::int64_t line = x.lines * part / parts; line < x.lines * (part + 1) / parts; ++line)
        prefetch_line(x.first + line * kCacheLine);
  }

  // Brings the rows of a tile into registers. A task's first tile has all the rows that its others have.
  void load(Loaded which, TileWalk::Tile tile, std::span<const std::byte* const> inputs,
            std::byte* scratch) const {
    for (const Load& load : loads_) {
      if (load.lasts != which) continue;
      const std::byte* from = inputs[load.input] + offsets_[load.input];
      std::byte* to = scratch + load.to * kTileBytes;
      visit_size(load.size, [&](auto element) {
        using T = decltype(element);
        walk_.load(load.input, reinterpret_cast<const T*>(from), tile, reinterpret_cast<T*>(to));
      });
    }
  }

  void run_tile(TileWalk::Tile tile, InstructionSet set, std::span<const std::byte* const> inputs,
                std::span<std::byte* const> outputs, const std::vector<bool>& streamed, std::byte* scratch,
                std::vector<std::byte*>& at, const std::vector<Ahead>& ahead) const {
    for (std::size_t v = 0; v < places_.size(); ++v) {
      const Place& place = places_[v];
      const std::size_t index = static_cast<std::size_t>(place.index);
      switch (place.kind) {
        case Place::Kind::in_register:
          at[v] = scratch + place.index * kTileBytes;
          break;
        case Place::Kind::input:  // never written through
          at[v] = const_cast<std::byte*>(inputs[index]) + offsets_[index] +
                  walk_.offset(index, tile.start) * place.size;
          break;
        case Place::Kind::output:
          at[v] = streamed[index] ? scratch + (register_count_ + place.index) * kTileBytes
                                  : outputs[index] + tile.start * place.size;
          break;
      }
    }
    const std::int64_t parts = static_cast<std::int64_t>(instructions_.size());
    for (std::int64_t i = 0; i < parts; ++i) {
      const Instruction& instruction = instructions_[static_cast<std::size_t>(i)];
      prefetch(ahead, i, parts);
      const void* operands[3] = {};
      for (int k = 0; k < instruction.operand_count; ++k)
        operands[k] = at[instruction.operands[static_cast<std::size_t>(k)]];
      instruction.rows.at(set)(at[instruction.result], operands, instruction.strides.data(), tile.count);
    }
    for (std::size_t o = 0; o < streamed.size(); ++o)
      if (streamed[o])
        stream_copy(outputs[o] + tile.start * output_sizes_[o],
                    scratch + (register_count_ + static_cast<int>(o)) * kTileBytes,
                    tile.count * output_sizes_[o]);
  }

  // What takes over the memory of an input is in the caches already.
  bool is_streamed(std::size_t output, std::span<const std::byte* const> inputs,
                   std::span<std::byte* const> outputs) const {
    return walk_.elements() * output_sizes_[output] >= kStreamedBytes &&
           std::ranges::find(inputs, outputs[output]) == inputs.end();
  }

  template <class F>
  static void visit_size(std::int64_t size, F&& f) {
    struct Sixteen {
      std::uint64_t halves[2];
    };
    if (size == 1) return f(std::uint8_t{});
    if (size == 4) return f(std::uint32_t{});
    if (size == 8) return f(std::uint64_t{});
    f(Sixteen{});
  }

  TileWalk walk_;
  std::vector<Place> places_;               // by value
  std::vector<std::int64_t> offsets_;       // by input, in bytes
  std::vector<std::int64_t> output_sizes_;  // of their elements
  std::vector<Load> loads_;
  std::vector<Instruction> instructions_;
  int register_count_ = 0;
};

}  // namespace

std::unique_ptr<const TileKernel> make_tile_kernel(const TileProgram& program, const Shape& shape,
                                                   std::span<const Layout> inputs) {
  return std::make_unique<Interpreter>(program, shape, inputs);
}

}  // namespace nabla::cpu
