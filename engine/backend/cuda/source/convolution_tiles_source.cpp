#include <algorithm>
#include <cstdlib>
#include <utility>

#include "engine/backend/cuda/source/convolution_text.h"
#include "engine/backend/cuda/source/source_writer.h"

// Convolutions as products of matrices a[row, depth] b[depth, column] of each group (implicit GEMM). The rows
// are channels; for the result and the data the columns are places of samples and the depth is channels and
// the window, for the weight the columns are channels and the window and the depth is places of samples. The
// matrices are gathered tile by tile and are nowhere in memory.

namespace nabla::cuda {
namespace {

// A block has 16 x 16 threads, each with an element of every 16th row and column of the block's tile. What
// is summed in the operands' own type is a run of 64 terms, and f32 carries the runs in f64: one addition of
// f64 among 64 of f32. Terms that do not exist are zeros in the tiles.
constexpr std::string_view kTileKernel = R"(
extern "C" __global__ void $entry(const Element* a, const Element* b, $Stored* out) {
  __shared__ Element a_tile[16][$tile_rows + 1];
  __shared__ Element b_tile[16][$tile_columns + 1];
  const int thread = static_cast<int>(threadIdx.x);
  Place block = static_cast<Place>(blockIdx.x);
  const Place first_column = block % $column_tiles * $tile_columns;
  block /= $column_tiles;
  const Place first_row = block % $row_tiles * $tile_rows;
  block /= $row_tiles;
  const Place piece = block % $pieces;
  block /= $pieces;
  const Place group = block % $groups;
  const Place lead = block / $groups;
  const Element* a_core = a + a_leading(lead);
  const Element* b_core = b + b_leading(lead);
  const Place begin = piece * $piece_depth;
  const Place end = begin + $piece_depth < $depth ? begin + $piece_depth : $depth;
  Total totals[$m][$n];
  Element sums[$m][$n];
  for (int i = 0; i < $m; ++i)
    for (int j = 0; j < $n; ++j) {
      totals[i][j] = Total(0);
      sums[i][j] = Element(0);
    }
  for (Place run = begin; run < end; run += 64) {
    for (Place from = run; from < run + 64 && from < end; from += 16) {
      for (int i = 0; i < $m; ++i) {
        const int line = thread / 16 + 16 * i, k = thread % 16;
        const Place row = first_row + line, at = from + k;
        a_tile[k][line] = row < $rows && at < end ? a_at(a_core, group, row, at) : Element(0);
      }
      for (int i = 0; i < $n; ++i) {
        const int line = $b_line, k = $b_depth;
        const Place column = first_column + line, at = from + k;
        b_tile[k][line] = column < $columns && at < end ? b_at(b_core, group, at, column) : Element(0);
      }
      __syncthreads();
      for (int k = 0; k < 16; ++k)
        for (int i = 0; i < $m; ++i) {
          const Element x = a_tile[k][thread / 16 + 16 * i];
          for (int j = 0; j < $n; ++j)
            sums[i][j] = $fma(x, b_tile[k][thread % 16 + 16 * j], sums[i][j]);
        }
      __syncthreads();
    }
    for (int i = 0; i < $m; ++i)
      for (int j = 0; j < $n; ++j) {
        totals[i][j] += static_cast<Total>(sums[i][j]);
        sums[i][j] = Element(0);
      }
  }
  for (int i = 0; i < $m; ++i)
    for (int j = 0; j < $n; ++j) {
      const Place row = first_row + thread / 16 + 16 * i, column = first_column + thread % 16 + 16 * j;
      if (row < $rows && column < $columns)
        out[piece * $size + lead * $core_size + out_at(group, row, column)] =
            static_cast<$Stored>(totals[i][j]);
    }
}
)";

// Adds the pieces of each sum, the first one first.
constexpr std::string_view kPiecesKernel = R"(
extern "C" __global__ void $entry(const Total* pieces, Element* out, i64 count) {
  const i64 i = static_cast<i64>(blockIdx.x) * 256 + threadIdx.x;
  if (i >= count) return;
  Total sum = Total(0);
  for (int piece = 0; piece < $pieces; ++piece) sum += pieces[piece * count + i];
  out[i] = static_cast<Element>(sum);
}
)";

// One side of a matrix: places along some axes of the form, the outermost first.
struct Side {
  std::vector<std::pair<std::string, std::int64_t>> axes;

  std::int64_t size() const {
    std::int64_t product = 1;
    for (const auto& [name, extent] : axes) product *= extent;
    return product;
  }
  // Declares the names of the place with that index.
  std::string places_of(const std::string& index) const {
    std::string text;
    std::int64_t inside = 1;
    for (std::size_t i = axes.size(); i-- > 0; inside *= axes[i].second) {
      text += "  const Place " + axes[i].first + " = " + index;
      if (inside != 1) text += " / " + std::to_string(inside);
      if (i != 0) text += " % " + std::to_string(axes[i].second);
      text += ";\n";
    }
    return text;
  }
};

struct Matrices {
  explicit Matrices(const ConvolutionForm& form) {
    const bool is_data = form.slot == ConvolutionSlot::data, is_weight = form.slot == ConvolutionSlot::weight;
    const std::pair<std::string, std::int64_t> outputs{"o_in", form.outputs}, inputs{"c", form.inputs},
        samples{"n", form.samples};
    rows.axes = {is_data ? inputs : outputs};
    columns.axes = {is_weight ? inputs : samples};
    depth.axes = {is_weight ? samples : is_data ? outputs : inputs};
    for (int k = 0; k < form.window.spatial; ++k) {
      const std::string number = std::to_string(k);
      const std::pair<std::string, std::int64_t> w{"w" + number, form.window_extent(k)},
          r{"r" + number, form.places(k)}, s{"s" + number, form.data_extent(k)};
      columns.axes.push_back(is_weight ? w : is_data ? s : r);
      depth.axes.push_back(is_weight ? r : w);
    }
  }
  Side rows, columns, depth;
};

// Sums of fewer terms than a step of the tiles, and tiles of whose rows or columns most would be empty, are
// left to direct sums, unless the sums are so long that one thread would be at them for long.
constexpr std::int64_t kLeastFilled = 8;
constexpr std::int64_t kLongSum = 512;
// Sums are cut into pieces where there would be fewer blocks than this, but not into shorter ones. Constants,
// so that results do not depend on the GPU.
constexpr std::int64_t kFewBlocks = 256;
constexpr std::int64_t kShortestPiece = 256;

// Every thread has so many rows (or columns) of a tile of 16 times as many.
std::int64_t lines_of_thread(std::int64_t extent) { return extent > 32 ? 4 : extent > 16 ? 2 : 1; }

std::string element_function(const std::string& head, const std::string& places, const std::string& absent,
                             const std::string& value) {
  return "__device__ __forceinline__ " + head + " {\n" + places +
         (absent.empty() ? "" : "  if (" + absent + ") return Element(0);\n") + "  return " + value +
         ";\n}\n";
}

// The functions of a step's elements: of both matrices, and where one of their product lies in the output.
std::string element_functions(const StepDescription& step, const ConvolutionForm& form,
                              const Matrices& matrices, const Layout& a, const Layout& b) {
  const bool is_data = form.slot == ConvolutionSlot::data, is_weight = form.slot == ConvolutionSlot::weight;
  // What the window leads to from the two places that are known.
  std::string reached, absent;
  for (int k = 0; k < form.window.spatial; ++k) {
    const WindowAxis& axis = form.window.axes[k];
    const std::string number = std::to_string(k), stride = std::to_string(axis.stride),
                      before = std::to_string(axis.before),
                      shift = "w" + number + " * " + std::to_string(axis.dilation);
    if (!absent.empty()) absent += " || ";
    if (is_data) {
      reached += filled("  const Place at$k = s$k + $before - $shift, r$k = at$k / $stride;\n",
                        {{"k", number}, {"before", before}, {"shift", shift}, {"stride", stride}});
      absent += filled("at$k < 0 || r$k * $stride != at$k || r$k >= $count",
                       {{"k", number}, {"stride", stride}, {"count", std::to_string(form.places(k))}});
    } else {
      reached += filled("  const Place s$k = r$k * $stride + $shift - $before;\n",
                        {{"k", number}, {"before", before}, {"shift", shift}, {"stride", stride}});
      absent += filled("s$k < 0 || s$k >= $extent",
                       {{"k", number}, {"extent", std::to_string(form.data_extent(k))}});
    }
  }
  const ConvolutionNames names(form.window.spatial);
  const int core = form.core();
  const std::string channel = "  const Place channel = group * " + std::to_string(form.inputs) + " + c;\n",
                    o = "  const Place o = group * " + std::to_string(form.outputs) + " + o_in;\n";
  const std::string row = matrices.rows.places_of("row"), column = matrices.columns.places_of("column"),
                    depth = matrices.depth.places_of("depth");
  const std::vector<std::string>& out = is_data ? names.data : is_weight ? names.weight : names.result;
  return element_function("Element a_at(const Element* a, Place group, Place row, Place depth)",
                          row + depth + o, "",
                          "a[" + core_offset(a, core, is_weight ? names.result : names.weight) + "]") +
         element_function("Element b_at(const Element* b, Place group, Place depth, Place column)",
                          depth + column + reached + (is_data ? o : channel), absent,
                          "b[" + core_offset(b, core, is_data ? names.result : names.data) + "]") +
         element_function("i64 out_at(Place group, Place row, Place column)",
                          row + column + (is_data ? channel : o), "", core_offset(step.output, core, out));
}

}  // namespace

bool suits_convolution_tiles(const ConvolutionForm& form) {
  const Matrices matrices(form);
  const std::int64_t depth = matrices.depth.size();
  return depth >= kLeastFilled &&
         (depth > kLongSum || std::min(matrices.rows.size(), matrices.columns.size()) >= kLeastFilled);
}

StepSource convolution_tiles_source(const StepDescription& step) {
  const ConvolutionForm form(step);
  const Matrices matrices(form);
  const std::size_t first = form.slot == ConvolutionSlot::data ? 0 : 1;  // the operand that is matrix a
  const Layout& a = step.inputs[first];
  const Layout& b = step.inputs[1 - first];
  const Walk<> walk = merged(step.output.shape.first(form.leading),
                             {axes_of(a, 0, form.leading), axes_of(b, 0, form.leading)});
  const std::int64_t rows = matrices.rows.size(), columns = matrices.columns.size(),
                     depth = matrices.depth.size();
  const std::int64_t m = lines_of_thread(rows), n = lines_of_thread(columns);
  const std::int64_t row_tiles = divided_up(rows, 16 * m), column_tiles = divided_up(columns, 16 * n);
  const std::int64_t tiles = row_tiles * column_tiles * form.groups * walk.size();
  const std::int64_t wanted =
      std::clamp<std::int64_t>(kFewBlocks / tiles, 1, std::max<std::int64_t>(1, depth / kShortestPiece));
  const std::int64_t piece_depth = divided_up(divided_up(depth, wanted), 64) * 64;
  const std::int64_t pieces = divided_up(depth, piece_depth);
  const std::int64_t size = step.output.shape.size();

  const std::string name(step.primitive->name());
  const DType total = step.output_type == DType::f32 ? DType::f64 : step.output_type;
  const std::string types = "typedef " + type_name(name, step.output_type) + " Element;\ntypedef " +
                            type_name(name, total) + " Total;\n";
  // Signed, for places before the data. Their products with strides are i64.
  std::int64_t reach = tiles * pieces + depth + 64 + form.data.shape.size() + form.weight.shape.size() +
                       form.result.shape.size();
  for (int k = 0; k < form.window.spatial; ++k)
    reach += std::abs(form.window.axes[k].before) + std::abs(form.window.axes[k].after);
  const std::string place = reach < std::int64_t{1} << 30 ? "i32" : "i64";
  // Adjacent threads read what is adjacent: places along the columns, or along the depth.
  const bool by_depth = form.slot == ConvolutionSlot::weight;
  const std::string text_of_n = std::to_string(n);
  KernelSource kernel;
  kernel.entry = name;
  kernel.text =
      types + "typedef " + place + " Place;\n" + index_type(walk.size()) +
      offset_function("a_leading", walk, 0) + offset_function("b_leading", walk, 1) +
      element_functions(step, form, matrices, a, b) +
      filled(kTileKernel,
             {{"entry", name},
              {"Stored", pieces > 1 ? "Total" : "Element"},
              {"m", std::to_string(m)},
              {"n", text_of_n},
              {"tile_rows", std::to_string(16 * m)},
              {"tile_columns", std::to_string(16 * n)},
              {"row_tiles", std::to_string(row_tiles)},
              {"column_tiles", std::to_string(column_tiles)},
              {"pieces", std::to_string(pieces)},
              {"piece_depth", std::to_string(piece_depth)},
              {"groups", std::to_string(form.groups)},
              {"rows", std::to_string(rows)},
              {"columns", std::to_string(columns)},
              {"depth", std::to_string(depth)},
              {"size", std::to_string(size) + "ll"},
              {"core_size", std::to_string(size / walk.size()) + "ll"},
              {"b_line", by_depth ? "thread / 16 + 16 * i" : "thread % (16 * " + text_of_n + ")"},
              {"b_depth",
               by_depth ? "thread % 16" : "thread / (16 * " + text_of_n + ") + 16 / " + text_of_n + " * i"},
              {"fma", step.output_type == DType::f32 ? "fmaf" : "fma"}});
  kernel.blocks = tiles * pieces;
  const std::int64_t a_input = static_cast<std::int64_t>(first);
  if (pieces == 1) {
    kernel.arguments = {input(a_input), input(1 - a_input), output()};
    return {{kernel}, 0};
  }
  Scratch memory;
  const KernelArgument sums = scratch(memory.take(pieces * size * static_cast<std::int64_t>(size_of(total))));
  kernel.arguments = {input(a_input), input(1 - a_input), sums};
  KernelSource adding;
  adding.entry = name + "_pieces";
  adding.text = types + filled(kPiecesKernel, {{"entry", adding.entry}, {"pieces", std::to_string(pieces)}});
  adding.arguments = {sums, output(), number(size)};
  adding.blocks = divided_up(size, kThreads);
  return {{kernel, adding}, memory.bytes()};
}

}  // namespace nabla::cuda
