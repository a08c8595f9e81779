#include "engine/backend/cuda/source/primitive_sources.h"

#include <algorithm>

#include "engine/backend/cuda/source/source_writer.h"

namespace nabla::cuda {
namespace {

// The elements that a block of a long line takes.
constexpr std::int64_t kPiece = 4096;

constexpr std::string_view kThreadPerLine = R"(
extern "C" __global__ void cumsum(const Element* x, Element* out, i64 lines, i64 length) {
  const Index line = static_cast<Index>(blockIdx.x) * 256 + threadIdx.x;
  if (line >= static_cast<Index>(lines)) return;
  const Element* from = x + x_line(line);
  Element* to = out + out_line(line);
  RunningSum<Element> sum;
  for (i64 i = 0; i < length; ++i) {
    const i64 place = $place;
    sum.add(from[place * $x_stride]);
    to[place * $out_stride] = sum.value();
  }
}
)";

// A block takes a piece of a line, 256 elements at a time.
constexpr std::string_view kBlockPerPiece = R"(
extern "C" __global__ void cumsum(const Element* x, Element* out, i64 length, i64 pieces, i64 piece_length$parameter) {
  const Index line = static_cast<Index>(blockIdx.x / static_cast<u32>(pieces));
  const i64 start = static_cast<i64>(blockIdx.x % static_cast<u32>(pieces)) * piece_length;
  const i64 end = start + piece_length < length ? start + piece_length : length;
  const Element* from = x + x_line(line);
  Element* to = out + out_line(line);
  Total carried = $carried;
  for (i64 first = start; first < end; first += 256) {
    const i64 i = first + threadIdx.x;
    const i64 place = $place;
    Total whole;
    const Total own = i < end ? static_cast<Total>(from[place * $x_stride]) : Total(0);
    const Total before = scalar::add(carried, block_scan(own, whole));
    if (i < end) to[place * $out_stride] = static_cast<Element>(scalar::add(before, own));
    carried = scalar::add(carried, whole);
  }
}
)";

constexpr std::string_view kPieceTotals = R"(
extern "C" __global__ void piece_totals(const Element* x, Total* totals, i64 length, i64 pieces, i64 piece_length) {
  const Index line = static_cast<Index>(blockIdx.x / static_cast<u32>(pieces));
  const i64 start = static_cast<i64>(blockIdx.x % static_cast<u32>(pieces)) * piece_length;
  const i64 end = start + piece_length < length ? start + piece_length : length;
  const Element* from = x + x_line(line);
  Total total = Total(0);
  for (i64 i = start + threadIdx.x; i < end; i += 256) {
    const i64 place = $place;
    total = scalar::add(total, static_cast<Total>(from[place * $x_stride]));
  }
  total = block_reduce<SumOf>(total);
  if (threadIdx.x == 0) totals[blockIdx.x] = total;
}
)";

// Totals of pieces become what comes before each piece; a block for each line.
constexpr std::string_view kCarries = R"(
extern "C" __global__ void carries(Total* totals, i64 pieces) {
  Total* of_line = totals + blockIdx.x * pieces;
  Total carried = Total(0);
  for (i64 first = 0; first < pieces; first += 256) {
    const i64 i = first + threadIdx.x;
    const Total own = i < pieces ? of_line[i] : Total(0);
    Total whole;
    const Total before = scalar::add(carried, block_scan(own, whole));
    if (i < pieces) of_line[i] = before;
    carried = scalar::add(carried, whole);
  }
}
)";

KernelSource kernel_of(std::string entry, std::string text, std::vector<KernelArgument> arguments,
                       std::int64_t blocks) {
  KernelSource kernel;
  kernel.entry = std::move(entry);
  kernel.text = std::move(text);
  kernel.arguments = std::move(arguments);
  kernel.blocks = blocks;
  return kernel;
}

}  // namespace

// Attributes: axis, reverse. A thread takes a short line, or one of many that lie side by side; blocks take
// the pieces of a long one, which are summed first.
StepSource cumsum_source(const StepDescription& step) {
  const DType dtype = step.output_type;
  if (dtype == DType::boolean) throw_unsupported("cumsum", dtype);
  const std::string type = type_name("cumsum", dtype);
  if (step.output.shape.size() == 0) return {};
  const int axis = static_cast<int>(step.attributes[0]);
  const Layout& x = step.inputs[0];
  const Layout out = Layout::dense(step.output.shape);
  const Walk<> walk = merged(without_axis(out, axis).shape, {without_axis(x, axis), without_axis(out, axis)});
  const std::int64_t lines = walk.size();
  const std::int64_t length = x.shape[axis];
  const DType total = dtype == DType::f32 ? DType::f64 : dtype;
  const auto text = [&](std::string_view kernel, std::string_view carried, std::string_view parameter) {
    return "typedef " + type + " Element;\ntypedef " + type_name("cumsum", total) + " Total;\n" +
           index_type(lines) + offset_function("x_line", walk, 0) + offset_function("out_line", walk, 1) +
           filled(kernel, {{"place", step.attributes[1] != 0 ? "length - 1 - i" : "i"},
                           {"x_stride", std::to_string(line_stride(x, axis))},
                           {"out_stride", std::to_string(line_stride(out, axis))},
                           {"carried", std::string(carried)},
                           {"parameter", std::string(parameter)}});
  };
  const bool side_by_side = line_stride(x, axis) != 1 && walk.inner_stride(0) == 1;
  if (length <= 32 || (length <= 256 && lines >= 16384) || (side_by_side && lines >= 8192))
    return {{kernel_of("cumsum", text(kThreadPerLine, "", ""),
                       {input(0), output(), number(lines), number(length)}, divided_up(lines, kThreads))},
            0};
  const std::string scanned(device_text::block_scan);
  constexpr std::int64_t kEnoughLines = 512;
  const std::int64_t pieces = lines >= kEnoughLines ? 1 : divided_up(length, kPiece);
  if (pieces == 1)
    return {{kernel_of("cumsum", text(scanned + std::string(kBlockPerPiece), "Total(0)", ""),
                       {input(0), output(), number(length), number(1), number(length)}, lines)},
            0};
  Scratch memory;
  const KernelArgument totals =
      scratch(memory.take(lines * pieces * static_cast<std::int64_t>(size_of(total))));
  return {
      {kernel_of("piece_totals", text(kPieceTotals, "", ""),
                 {input(0), totals, number(length), number(pieces), number(kPiece)}, lines * pieces),
       kernel_of("carries", text(scanned + std::string(kCarries), "", ""), {totals, number(pieces)}, lines),
       kernel_of("cumsum",
                 text(scanned + std::string(kBlockPerPiece), "carries[blockIdx.x]", ", const Total* carries"),
                 {input(0), output(), number(length), number(pieces), number(kPiece), totals},
                 lines * pieces)},
      memory.bytes()};
}

}  // namespace nabla::cuda
