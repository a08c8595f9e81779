#include "engine/backend/cpu/tile_kernel.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "engine/backend/cpu/pointwise_rows.h"
#include "engine/backend/cpu/thread_pool.h"
#include "engine/backend/cpu/tile_registers.h"

namespace nabla::cpu {
namespace {

// One register. A handful of them stay in the first-level cache.
constexpr std::int64_t kTileBytes = 4096;
// Element operations below which a second thread does not pay, and what a task should have at least.
constexpr std::int64_t kTaskOperations = 65536;

// How the program walks through memory: `extents` without axes of 1, neighbours merged where every input
// walks them as one. Tiles are pieces of the innermost axis where it is long, and otherwise bundles of whole
// rows.
class Walk {
 public:
  Walk(const Shape& shape, std::span<const Layout> inputs, std::int64_t tile) : strides_(inputs.size()) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == 1) continue;
      const std::size_t at = static_cast<std::size_t>(axis);
      const bool merges = !extents_.empty() && std::ranges::all_of(inputs, [&](const Layout& x) {
        const std::size_t which = static_cast<std::size_t>(&x - inputs.data());
        return strides_[which].back() == x.strides[at] * shape[axis];
      });
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        if (merges) strides_[k].pop_back();
        strides_[k].push_back(inputs[k].strides[at]);
      }
      if (merges) {
        extents_.back() *= shape[axis];
      } else {
        extents_.push_back(shape[axis]);
      }
    }
    if (extents_.empty()) {
      extents_.push_back(1);
      for (std::vector<std::int64_t>& strides : strides_) strides.push_back(1);
    }
    elements_ = shape.size();
    if (elements_ == 0) extents_.assign(extents_.size(), 1);  // nothing is walked
    inner_ = extents_.back();
    bundles_rows_ = extents_.size() > 1 && 2 * inner_ <= tile;
    unit_ = bundles_rows_ ? inner_ * (tile / inner_) : std::min(inner_, tile);
    for (std::size_t k = 0; k < inputs.size(); ++k) dense_.push_back(is_dense(k));
  }

  std::int64_t elements() const { return elements_; }
  /// Elements of a tile; the last one of an axis may have fewer.
  std::int64_t unit() const { return unit_; }
  /// Must this input be brought into a register, because a tile of it does not lie at one stride?
  bool needs_load(std::size_t input) const { return bundles_rows_ && !dense_[input]; }
  std::int64_t stride(std::size_t input) const { return bundles_rows_ ? 1 : strides_[input].back(); }

  std::int64_t tile_count() const {
    if (bundles_rows_) return (elements_ + unit_ - 1) / unit_;
    return elements_ / std::max<std::int64_t>(1, inner_) *
           ((inner_ + unit_ - 1) / std::max<std::int64_t>(1, unit_));
  }
  struct Tile {
    std::int64_t start, count;  // elements of the outputs
  };
  Tile tile(std::int64_t index) const {
    if (bundles_rows_) {
      const std::int64_t start = index * unit_;
      return {start, std::min(unit_, elements_ - start)};
    }
    const std::int64_t pieces = (inner_ + unit_ - 1) / unit_;
    const std::int64_t within = index % pieces * unit_;
    return {index / pieces * inner_ + within, std::min(unit_, inner_ - within)};
  }

  /// Offset in an input of the element at a place of the output.
  std::int64_t offset(std::size_t input, std::int64_t place) const {
    if (dense_[input]) return place;
    std::int64_t offset = 0;
    for (std::size_t axis = extents_.size(); axis-- > 0;) {
      offset += place % extents_[axis] * strides_[input][axis];
      place /= extents_[axis];
    }
    return offset;
  }

  /// Copies a tile of rows of an input into a register.
  template <class T>
  void load(std::size_t input, const T* x, Tile tile, T* to) const {
    const std::int64_t stride = strides_[input].back();
    for (std::int64_t done = 0; done < tile.count; done += inner_, to += inner_) {
      const T* row = x + offset(input, tile.start + done);
      if (stride == 1) {
        std::copy(row, row + inner_, to);
      } else if (stride == 0) {
        std::fill(to, to + inner_, *row);
      } else {
        for (std::int64_t i = 0; i < inner_; ++i) to[i] = row[i * stride];
      }
    }
  }

 private:
  bool is_dense(std::size_t input) const {
    std::int64_t expected = 1;
    for (std::size_t axis = extents_.size(); axis-- > 0; expected *= extents_[axis])
      if (strides_[input][axis] != expected) return false;
    return true;
  }

  std::vector<std::int64_t> extents_;
  std::vector<std::vector<std::int64_t>> strides_;  // by input, then axis
  std::vector<bool> dense_;
  std::int64_t elements_ = 0, inner_ = 1, unit_ = 1;
  bool bundles_rows_ = false;
};

std::int64_t tile_elements(const TileProgram& program) {
  std::size_t widest = 1;
  for (const DType dtype : program.dtypes) widest = std::max(widest, size_of(dtype));
  return kTileBytes / static_cast<std::int64_t>(widest);
}

void prefetch_line([[maybe_unused]] const std::byte* at) {
#ifdef __GNUC__
  __builtin_prefetch(at);
#endif
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
    std::vector<bool> loaded(static_cast<std::size_t>(program.inputs));
    for (std::size_t k = 0; k < loaded.size(); ++k) loaded[k] = walk_.needs_load(k);
    const TileRegisters assigned = assign_registers(program, loaded);
    register_count_ = assigned.count;
    for (std::size_t v = 0; v < places_.size(); ++v) {
      const int index = assigned.of_value[v];
      const std::int64_t size = static_cast<std::int64_t>(size_of(program.dtypes[v]));
      if (index >= 0) places_[v] = {Place::Kind::in_register, index, 1, size};
      if (v < loaded.size()) {
        offsets_.push_back(inputs[v].offset * size);
        if (loaded[v]) {
          loads_.push_back({v, index, size});
        } else {
          places_[v] = {Place::Kind::input, static_cast<int>(v), walk_.stride(v), size};
        }
      }
    }
    for (std::size_t o = 0; o < program.outputs.size(); ++o) {
      const std::size_t v = static_cast<std::size_t>(program.outputs[o]);
      places_[v] = {Place::Kind::output, static_cast<int>(o), 1,
                    static_cast<std::int64_t>(size_of(program.dtypes[v]))};
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
    const std::int64_t per_task = std::max<std::int64_t>(1, kTaskOperations / per_tile);
    const InstructionSet set = instruction_set();
    const auto work = [&](std::int64_t task) {
      std::byte* scratch = registers(static_cast<std::size_t>(register_count_) * kTileBytes);
      std::vector<std::byte*> at(places_.size());
      for (std::int64_t t = task * per_task; t < std::min(tiles, (task + 1) * per_task); ++t) {
        if (t + 1 < tiles) prefetch(walk_.tile(t + 1), inputs);
        run_tile(walk_.tile(t), set, inputs, outputs, scratch, at);
      }
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
  };
  struct Instruction {
    RowVariants rows;
    std::array<std::size_t, 3> operands;
    std::array<std::int64_t, 3> strides;
    int operand_count;
    std::size_t result;
  };

  // A tile is a page or less, where the processor's own prefetching has just begun to see a pattern.
  void prefetch(Walk::Tile tile, std::span<const std::byte* const> inputs) const {
    for (const Place& place : places_) {
      if (place.kind != Place::Kind::input || place.stride != 1) continue;
      const std::size_t index = static_cast<std::size_t>(place.index);
      const std::byte* first = inputs[index] + offsets_[index] + walk_.offset(index, tile.start) * place.size;
      for (std::int64_t at = 0; at < tile.count * place.size; at += 64) prefetch_line(first + at);
    }
  }

  void run_tile(Walk::Tile tile, InstructionSet set, std::span<const std::byte* const> inputs,
                std::span<std::byte* const> outputs, std::byte* scratch, std::vector<std::byte*>& at) const {
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
          at[v] = outputs[index] + tile.start * place.size;
          break;
      }
    }
    for (const Load& load : loads_) {
      const std::byte* from = inputs[load.input] + offsets_[load.input];
      std::byte* to = scratch + load.to * kTileBytes;
      visit_size(load.size, [&](auto element) {
        using T = decltype(element);
        walk_.load(load.input, reinterpret_cast<const T*>(from), tile, reinterpret_cast<T*>(to));
      });
    }
    for (const Instruction& instruction : instructions_) {
      const void* operands[3] = {};
      for (int k = 0; k < instruction.operand_count; ++k)
        operands[k] = at[instruction.operands[static_cast<std::size_t>(k)]];
      instruction.rows.at(set)(at[instruction.result], operands, instruction.strides.data(), tile.count);
    }
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

  Walk walk_;
  std::vector<Place> places_;          // by value
  std::vector<std::int64_t> offsets_;  // by input, in bytes
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
