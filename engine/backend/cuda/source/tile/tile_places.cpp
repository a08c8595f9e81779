#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "engine/backend/cuda/source/source_writer.h"
#include "engine/backend/cuda/source/tile/tile_folds.h"
#include "engine/backend/cuda/source/tile/tile_writer.h"

namespace nabla::cuda {
namespace {

// Everything for the places from `index` on: reads, lines, stores.
void write_places(TileWriter& writer, const std::string& index) {
  const TileTerms& terms = writer.terms;
  std::vector<int> inputs = writer.needed(terms.outputs);
  std::erase_if(inputs, [&](int t) { return t >= terms.inputs; });
  writer.load(
      inputs, [](int k) { return "x" + std::to_string(k); }, index);
  std::vector<int> outputs(terms.outputs.size());
  std::iota(outputs.begin(), outputs.end(), 0);
  writer.declare_results(outputs);
  writer.open_lanes();
  writer.compute(terms.outputs);
  writer.fill_results(outputs);
  writer.close_lanes();
  for (const int o : outputs) writer.store(o, index);
}

// Of an input that is read across its memory: a warp takes 8 places that are neighbours there by 4 accesses
// that are neighbours in the results, so that both fill sectors of memory.
constexpr std::int64_t kWarpRows = 8, kWarpColumns = 4;

// Blocks as tiles of such an input: of `rows` along the axis of its neighbours, by `columns` accesses along
// the innermost one.
struct TransposedTiles {
  OperandWalk::Transposed axis;
  std::int64_t rows, columns;
  std::int64_t down, across, between,
      outer;  // tiles; elements of the axes in between, and of those further out
};

std::optional<TransposedTiles> transposed_tiles(const TileWriter& writer, std::int64_t size) {
  for (const TileOperand& operand : writer.operands) {
    const std::optional<OperandWalk::Transposed> axis = operand.inner.transposed();
    if (!axis || operand.access(writer.lanes) != TileAccess::run) continue;
    if (axis->extent < kWarpRows || axis->innermost < kWarpColumns * writer.lanes) continue;
    std::int64_t rows = kThreads / kWarpColumns;
    while (rows / 2 >= std::max(kWarpRows, axis->extent)) rows /= 2;
    const std::int64_t columns = kThreads / rows;
    return TransposedTiles{*axis,
                           rows,
                           columns,
                           (axis->extent + rows - 1) / rows,
                           (axis->innermost / writer.lanes + columns - 1) / columns,
                           axis->inner / axis->innermost,
                           size / (axis->extent * axis->inner)};
  }
  return std::nullopt;
}

// `first` in a tile; blocks count across, in between, down, further out.
void place_in_tile(TileWriter& writer, const TransposedTiles& tiles) {
  const auto number = [](std::int64_t n) { return std::to_string(n) + "u"; };
  const std::string constant = "const " + writer.index_type() + " ", block = writer.block_index();
  const std::int64_t below = tiles.across * tiles.between;
  writer.line("const u32 down = threadIdx.x / " + number(kWarpColumns) + " % " + number(tiles.rows) + ";");
  writer.line("const u32 across = threadIdx.x / " + number(tiles.rows * kWarpColumns) + " * " +
              number(kWarpColumns) + " + threadIdx.x % " + number(kWarpColumns) + ";");
  writer.line(constant + "row = " + block + " / " + number(below) + " % " + number(tiles.down) + " * " +
              number(tiles.rows) + " + down;");
  writer.line(constant + "column = (" + block + " % " + number(tiles.across) + " * " + number(tiles.columns) +
              " + across) * " + number(writer.lanes) + ";");
  writer.line("if (row >= " + number(tiles.axis.extent) + " || column >= " + number(tiles.axis.innermost) +
              ") return;");
  std::string outer;
  if (tiles.outer > 1)
    outer += block + " / " + number(below * tiles.down) + " * " +
             number(tiles.axis.extent * tiles.axis.inner) + " + ";
  if (tiles.between > 1)
    outer += block + " / " + number(tiles.across) + " % " + number(tiles.between) + " * " +
             number(tiles.axis.innermost) + " + ";
  writer.line(constant + "first = " + outer + "row * " + number(tiles.axis.inner) + " + column;");
}

}  // namespace

KernelSource tile_places(const TileTerms& terms, const Shape& shape, std::span<const Layout> inputs) {
  const int lanes = widest_access(terms);
  const std::int64_t size = shape.size(), per_block = std::int64_t{kThreads} * lanes;
  TileWriter writer(terms, inputs, 0, lanes);
  const std::optional<TransposedTiles> tiles = transposed_tiles(writer, size);
  const std::int64_t blocks = tiles ? tiles->across * tiles->between * tiles->down * tiles->outer
                                    : (size + per_block - 1) / per_block;
  writer.must_reach(blocks * per_block);

  writer.head("pointwise", kThreads, std::array<std::string, 1>{"count"});
  if (tiles) {
    place_in_tile(writer, *tiles);
    write_places(writer, "first");
  } else if (size % lanes == 0) {
    writer.place();
    writer.line("if (first >= " + writer.count("count") + ") return;");
    write_places(writer, "first");
  } else {
    writer.place();
    writer.open("if (first + " + std::to_string(lanes) + "u <= " + writer.count("count") + ")");
    write_places(writer, "first");
    writer.otherwise();
    writer.open("for (" + writer.index_type() + " i = first; i < " + writer.count("count") + "; ++i)");
    writer.lanes = 1;
    writer.forget_varying();
    write_places(writer, "i");
    writer.close();
    writer.close();
  }
  return writer.kernel(std::array{size}, blocks);
}

}  // namespace nabla::cuda
