#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/backend/cpu/tile/tile_registers.h"
#include "engine/backend/cpu/tile/tile_walk.h"

namespace nabla::cpu {

/// Where a value is while a tile is worked on.
struct TilePlace {
  enum class Kind { in_register, input, output };
  Kind kind = Kind::in_register;
  int index = 0;
  std::int64_t stride = 1;  ///< from element to element, in elements
  std::int64_t size = 0;    ///< of an element, in bytes
  bool folded = false;      ///< one for each row, or for all tangents (TileProgram)
  bool dense = false;       ///< an input that lies like the result, with no tangents beside it
};

/// Where the values of a program are, tile by tile. A program over tangents is walked over what is folded,
/// and for each tile over the tangents.
class TileValues {
 public:
  using Tile = TileWalk::Tile;
  /// What a run reads and writes.
  struct Memory {
    std::span<const std::byte* const> inputs;
    std::span<std::byte* const> outputs;
    std::span<const bool> streamed;  ///< outputs that are made in scratch memory
    std::byte* scratch;              ///< of `scratch_bytes`
  };

  TileValues(const TileProgram& program, const Shape& shape, std::span<const Layout> inputs);

  /// The program as it is run: values that are one for each row are spread over it where they must be.
  const TileProgram& program() const { return program_; }
  const TileWalk& walk() const { return walk_; }
  std::span<const TilePlace> places() const { return places_; }
  /// Elements of a row of a program over rows, else 1.
  std::int64_t row() const { return row_; }
  /// How many a program over tangents has, else 1.
  std::int64_t tangents() const { return tangents_; }
  const TilePlace& output(std::size_t index) const;
  std::size_t load_count() const { return loads_.size(); }
  std::size_t scratch_bytes() const;
  /// Where an output is made that is streamed.
  std::byte* streamed_from(std::size_t output, const Memory& memory) const;
  /// The element of an output where a tile of a tangent starts.
  std::int64_t start_in_output(const TilePlace& place, Tile tile, std::int64_t tangent) const;

  /// Where a tile of an input starts that is read where it lies.
  const std::byte* input_start(const TilePlace& place, Tile tile, std::int64_t tangent,
                               const Memory& memory) const;

  /// Brings a tile of inputs into registers: those that vary, or those that are folded. What lasts for a task
  /// is the same for every tile.
  void load(Loaded which, bool folded, Tile tile, std::int64_t tangent, const Memory& memory) const;
  /// Sets where the values of a tile start, of those that vary or those that are folded.
  void place(bool folded, Tile tile, std::int64_t tangent, const Memory& memory,
             std::span<std::byte*> at) const;

 private:
  struct Load {
    std::size_t input;
    int to;
    std::int64_t size;
    Loaded lasts;
    bool folded;
  };
  // A tile as a tile of what is one for each row.
  Tile rows_of(Tile tile) const { return {tile.start / row_, tile.count / row_}; }

  std::int64_t row_ = 1, tangents_ = 1;
  TileWalk walk_;
  std::optional<TileWalk> rows_walk_;  // of what is one for each row
  TileProgram program_;
  std::vector<TilePlace> places_;                           // by value
  std::vector<std::int64_t> offsets_;                       // by input, in bytes
  std::vector<std::vector<std::int64_t>> tangent_offsets_;  // by input, then tangent, in bytes
  std::vector<Load> loads_;
  int register_count_ = 0;
  std::int64_t register_bytes_ = 0;
};

/// Calls f with an unsigned value of the size of an element.
template <class F>
void visit_size(std::int64_t size, F&& f) {
  struct Sixteen {
    std::uint64_t halves[2];
  };
  if (size == 1) return f(std::uint8_t{});
  if (size == 4) return f(std::uint32_t{});
  if (size == 8) return f(std::uint64_t{});
  f(Sixteen{});
}

}  // namespace nabla::cpu
