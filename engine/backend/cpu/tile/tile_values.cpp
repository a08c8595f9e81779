#include "engine/backend/cpu/tile/tile_values.h"

#include "engine/backend/cpu/tile/tile_spread.h"

namespace nabla::cpu {
namespace {

// One register. A handful of them stay in the first-level cache.
constexpr std::int64_t kTileBytes = 4096;

std::int64_t tile_elements(const TileProgram& program) {
  std::size_t widest = 1;
  for (const DType dtype : program.dtypes) widest = std::max(widest, size_of(dtype));
  return kTileBytes / static_cast<std::int64_t>(widest);
}

// The axes that a program over tangents is walked over, else all.
Shape walk_shape(const TileProgram& program, const Shape& shape) {
  return program.fold == TileProgram::Fold::tangents ? shape.without_first(program.folded_axes) : shape;
}

std::vector<Layout> walk_inputs(const TileProgram& program, std::span<const Layout> inputs) {
  const int outer = program.fold == TileProgram::Fold::tangents ? program.folded_axes : 0;
  std::vector<Layout> layouts;
  for (const Layout& input : inputs) layouts.push_back(axes_of(input, outer, input.shape.rank() - outer));
  return layouts;
}

// What is one for each row, over the rows.
TileWalk over_rows(const TileProgram& program, const Shape& shape, std::span<const Layout> inputs) {
  const int rank = shape.rank() - program.folded_axes;
  std::vector<Layout> rows;
  for (const Layout& input : inputs) rows.push_back(axes_of(input, 0, rank));
  return {shape.first(rank), rows, tile_elements(program)};
}

std::int64_t row_of(const TileProgram& program, const Shape& shape) {
  if (program.fold != TileProgram::Fold::rows) return 1;
  return shape.without_first(shape.rank() - program.folded_axes).size();
}

// Where each tangent of an input starts, in bytes.
std::vector<std::int64_t> offsets_of_tangents(const Layout& input, int axes, std::int64_t size) {
  std::vector<std::int64_t> offsets{0};
  for (int axis = 0; axis < axes; ++axis) {
    std::vector<std::int64_t> inner;
    for (const std::int64_t outer : offsets)
      for (std::int64_t i = 0; i < input.shape[axis]; ++i)
        inner.push_back(outer + i * input.strides[axis] * size);
    offsets = std::move(inner);
  }
  return offsets;
}

}  // namespace

TileValues::TileValues(const TileProgram& program, const Shape& shape, std::span<const Layout> inputs)
    : row_(row_of(program, shape)),
      tangents_(program.fold == TileProgram::Fold::tangents ? shape.first(program.folded_axes).size() : 1),
      walk_(walk_shape(program, shape), walk_inputs(program, inputs), tile_elements(program),
            row_ > 1 ? row_ : 0) {
  std::vector<bool> uniform;
  for (std::size_t k = 0; k < inputs.size(); ++k) uniform.push_back(walk_.is_uniform(k));
  program_ = row_ > 1 && walk_.unit() > row_ ? with_spreads(program, uniform) : program;
  if (row_ > 1) rows_walk_.emplace(over_rows(program, shape, inputs));

  std::vector<Loaded> loaded(inputs.size(), Loaded::no);
  for (std::size_t k = 0; k < loaded.size(); ++k) {
    if (uniform[k]) continue;
    if (row_ > 1 && program.is_folded(static_cast<int>(k))) {
      if (!rows_walk_->is_dense(k)) loaded[k] = Loaded::for_tile;
    } else if (walk_.needs_load(k)) {
      loaded[k] = walk_.is_same_row(k) && tangents_ == 1 ? Loaded::for_task : Loaded::for_tile;
    }
  }
  const TileRegisters assigned = assign_registers(program_, loaded);
  register_count_ = assigned.count;
  for (std::size_t v = 0; v < program_.dtypes.size(); ++v) {
    const int index = assigned.of_value[v];
    const std::int64_t size = static_cast<std::int64_t>(size_of(program_.dtypes[v]));
    const bool folded = program_.is_folded(static_cast<int>(v));
    register_bytes_ = std::max(register_bytes_, walk_.unit() * size);
    places_.push_back({TilePlace::Kind::in_register, index, 1, size, folded});
    if (v >= loaded.size()) continue;
    offsets_.push_back(inputs[v].offset * size);
    tangent_offsets_.push_back({});
    if (tangents_ > 1 && !folded)
      tangent_offsets_.back() = offsets_of_tangents(inputs[v], program.folded_axes, size);
    if (loaded[v] != Loaded::no) {
      loads_.push_back({v, index, size, loaded[v], folded});
    } else {
      const std::int64_t stride = uniform[v] ? 0 : row_ > 1 ? 1 : walk_.stride(v);
      places_.back() = {TilePlace::Kind::input,
                        static_cast<int>(v),
                        stride,
                        size,
                        folded,
                        walk_.is_dense(v) && !folded && tangents_ == 1};
    }
  }
  for (std::size_t o = 0; o < program_.outputs.size(); ++o) {
    TilePlace& place = places_[program_.outputs[o]];
    place.kind = TilePlace::Kind::output;
    place.index = static_cast<int>(o);
  }
  // Lines of the cache are not shared between registers.
  register_bytes_ = (std::max(register_bytes_, kTileBytes) + 63) / 64 * 64;
}

const TilePlace& TileValues::output(std::size_t index) const { return places_[program_.outputs[index]]; }

std::size_t TileValues::scratch_bytes() const {
  return (static_cast<std::size_t>(register_count_) + program_.outputs.size()) *
         static_cast<std::size_t>(register_bytes_);
}

std::byte* TileValues::streamed_from(std::size_t output, const Memory& memory) const {
  return memory.scratch + (register_count_ + static_cast<std::int64_t>(output)) * register_bytes_;
}

std::int64_t TileValues::start_in_output(const TilePlace& place, Tile tile, std::int64_t tangent) const {
  if (place.folded) return tile.start / row_;
  return tangent * walk_.elements() + tile.start;
}

const std::byte* TileValues::input_start(const TilePlace& place, Tile tile, std::int64_t tangent,
                                         const Memory& memory) const {
  const std::size_t k = place.index;
  const std::byte* start = memory.inputs[k] + offsets_[k];
  if (place.stride == 0 && row_ > 1) return start;
  if (!tangent_offsets_[k].empty()) start += tangent_offsets_[k][tangent];
  return start + (place.folded && row_ > 1 ? tile.start / row_ : walk_.offset(k, tile.start)) * place.size;
}

void TileValues::load(Loaded which, bool folded, Tile tile, std::int64_t tangent,
                      const Memory& memory) const {
  for (const Load& load : loads_) {
    if (load.lasts != which || load.folded != folded) continue;
    const std::byte* from = memory.inputs[load.input] + offsets_[load.input];
    if (!tangent_offsets_[load.input].empty()) from += tangent_offsets_[load.input][tangent];
    std::byte* to = memory.scratch + load.to * register_bytes_;
    visit_size(load.size, [&](auto element) {
      using T = decltype(element);
      const T* elements = reinterpret_cast<const T*>(from);
      if (load.folded && row_ > 1)
        rows_walk_->load(load.input, elements, rows_of(tile), reinterpret_cast<T*>(to));
      else
        walk_.load(load.input, elements, tile, reinterpret_cast<T*>(to));
    });
  }
}

void TileValues::place(bool folded, Tile tile, std::int64_t tangent, const Memory& memory,
                       std::span<std::byte*> at) const {
  for (std::size_t v = 0; v < places_.size(); ++v) {
    const TilePlace& place = places_[v];
    if (place.folded != folded) continue;
    switch (place.kind) {
      case TilePlace::Kind::in_register:
        at[v] = memory.scratch + place.index * register_bytes_;
        break;
      case TilePlace::Kind::input: {
        const std::size_t k = place.index;
        const std::byte* start = place.dense ? memory.inputs[k] + offsets_[k] + tile.start * place.size
                                             : input_start(place, tile, tangent, memory);
        at[v] = const_cast<std::byte*>(start);  // never written through
        break;
      }
      case TilePlace::Kind::output: {
        const std::size_t index = place.index;
        at[v] = memory.streamed[index]
                    ? streamed_from(index, memory)
                    : memory.outputs[index] + start_in_output(place, tile, tangent) * place.size;
        break;
      }
    }
  }
}

}  // namespace nabla::cpu
