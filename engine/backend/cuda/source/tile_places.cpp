#include <array>
#include <numeric>

#include "engine/backend/cuda/source/tile_folds.h"
#include "engine/backend/cuda/source/tile_writer.h"

namespace nabla::cuda {
namespace {

constexpr int kThreads = 256;

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

}  // namespace

KernelSource tile_places(const TileTerms& terms, const Shape& shape, std::span<const Layout> inputs) {
  const int lanes = widest_access(terms);
  const std::int64_t size = shape.size();
  const std::int64_t per_block = std::int64_t{kThreads} * lanes;
  const std::int64_t blocks = (size + per_block - 1) / per_block;
  TileWriter writer(terms, inputs, 0, lanes);
  writer.must_reach(blocks * per_block);

  writer.head("pointwise", kThreads, std::array<std::string, 1>{"count"});
  writer.place();
  if (size % lanes == 0) {
    writer.line("if (first >= " + writer.count("count") + ") return;");
    write_places(writer, "first");
  } else {
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
