#include "engine/backend/cuda/source/tile/tile_writer.h"

#include <limits>

#include "engine/backend/cuda/source/source_writer.h"

namespace nabla::cuda {

std::string element(const std::string& pointer, const std::string& offset) {
  return pointer + "[" + (offset.empty() ? "0" : offset) + "]";
}

TileWriter::TileWriter(const TileTerms& program, std::span<const Layout> inputs, int split, int lane_count)
    : terms(program), lanes(lane_count), locations_(program.terms.size()) {
  for (const Layout& input : inputs) {
    operands.emplace_back(input, split);
    must_reach(operands.back().reach());
  }
}

void TileWriter::must_reach(std::int64_t index) {
  is_wide = is_wide || index > std::numeric_limits<std::int32_t>::max();
}

void TileWriter::line(const std::string& text) {
  if (!text.starts_with('#')) text_.append(indent_, ' ');
  text_ += text + "\n";
}
void TileWriter::open(const std::string& text) {
  line(text.empty() ? "{" : text + " {");
  indent_ += 2;
}
void TileWriter::close() {
  indent_ -= 2;
  line("}");
}
void TileWriter::otherwise() {
  indent_ -= 2;
  open("} else");
}
void TileWriter::open_lanes() {
  if (lanes == 1) return;
  line("#pragma unroll");
  open("for (u32 j = 0; j < " + std::to_string(lanes) + "; ++j)");
}
void TileWriter::close_lanes() {
  if (lanes > 1) close();
}

void TileWriter::head(const std::string& entry, int threads, std::span<const std::string> numbers) {
  entry_ = entry;
  threads_ = threads;
  std::string parameters;
  for (int k = 0; k < terms.inputs; ++k) parameters += "const " + type(k) + "* x" + std::to_string(k) + ", ";
  for (std::size_t o = 0; o < terms.outputs.size(); ++o)
    parameters += type(terms.outputs[o]) + "* y" + std::to_string(o) + ", ";
  for (const std::string& number : numbers) parameters += "i64 " + number + ", ";
  parameters.resize(parameters.size() - 2);
  open("extern \"C\" __global__ void __launch_bounds__(" + std::to_string(threads) + ") " + entry + "(" +
       parameters + ")");
}

void TileWriter::place() {
  const std::string thread = block_index() + " * " + std::to_string(threads_) + "u + threadIdx.x";
  line("const " + index_type() +
       " first = " + (lanes > 1 ? "(" + thread + ") * " + std::to_string(lanes) + "u;" : thread + ";"));
}

KernelSource TileWriter::kernel(std::span<const std::int64_t> numbers, std::int64_t blocks) {
  close();
  KernelSource source{entry_, std::move(text_), {}, blocks, threads_};
  using From = KernelArgument::From;
  for (int k = 0; k < terms.inputs; ++k) source.arguments.push_back({From::input, k});
  for (std::size_t o = 0; o < terms.outputs.size(); ++o)
    source.arguments.push_back({From::output, static_cast<std::int64_t>(o)});
  for (const std::int64_t number : numbers) source.arguments.push_back({From::number, number});
  return source;
}

std::string TileWriter::type(int term) const { return type_name("cuda", terms[term].dtype); }
std::string TileWriter::array(int term) const { return "a" + terms[term].name.substr(1); }
std::string TileWriter::array_type(int term) const {
  return lanes == 1 ? type(term) : "Vec<" + type(term) + ", " + std::to_string(lanes) + ">";
}

void TileWriter::forget_varying() {
  for (int t = 0; t < terms.size(); ++t)
    if (!terms[t].folded) location(t).clear();
}

std::vector<int> TileWriter::needed(std::span<const int> targets) const {
  std::vector<bool> ready;
  for (const std::string& where : locations_) ready.push_back(!where.empty());
  return terms.needed(targets, ready);
}

bool TileWriter::is_by_lane(int input) const {
  const TileAccess access = operands[input].access(lanes);
  return lanes > 1 && (access == TileAccess::run || access == TileAccess::each);
}

void TileWriter::load_one(int input, const std::string& pointer, const std::string& index,
                          const Arrays& arrays) {
  const TileOperand& operand = operands[input];
  const std::string offset = operand.inner.offset(index, is_wide);
  if (operand.access(lanes) == TileAccess::vector) {
    const std::string read = "load<" + std::to_string(lanes) + ">(" + moved(pointer, offset) + ");";
    line((arrays.declared ? array(input) + arrays.subscript
                          : "const " + array_type(input) + " " + array(input)) +
         " = " + read);
    location(input) = array(input) + arrays.subscript + ".at[j]";
    return;
  }
  location(input) = arrays.declared ? array(input) + arrays.subscript : terms[input].name;
  line((arrays.declared ? "" : "const " + type(input) + " ") + location(input) + " = " +
       element(pointer, offset) + ";");
}

void TileWriter::load_lane(int input, const std::string& pointer, const std::string& index,
                           const Arrays& arrays) {
  const TileOperand& operand = operands[input];
  location(input) = array(input) + arrays.subscript + ".at[j]";
  std::string offset;
  if (operand.access(lanes) == TileAccess::run) {
    const std::int64_t stride = operand.inner.innermost_stride();
    const bool is_signed = operand.inner.is_signed();
    const std::string wide = is_signed ? "i64" : "u64", narrow = is_signed ? "i32(j)" : "j";
    offset = operand.inner.offset(index, is_wide);
    offset += (offset.empty() ? "" : " + ") + (is_wide ? wide + "(j)" : narrow) + " * " +
              std::to_string(stride) + (is_signed ? "" : "u");
  } else {
    offset = operand.inner.offset("(" + index + " + j)", is_wide);
  }
  line(location(input) + " = " + element(pointer, offset) + ";");
}

void TileWriter::compute(std::span<const int> targets, bool keep) {
  for (const int t : needed(targets)) {
    const std::string& name = terms[t].name;
    if (location(t) == name) continue;
    line("const " + type(t) + " " + name + " = " + (location(t).empty() ? terms[t].expression : location(t)) +
         ";");
    if (keep) location(t) = name;
  }
}

void TileWriter::declare_results(std::span<const int> outputs) {
  if (lanes == 1) return;
  for (const int o : outputs) line(array_type(terms.outputs[o]) + " b" + std::to_string(o) + ";");
}

void TileWriter::fill_results(std::span<const int> outputs) {
  if (lanes == 1) return;
  for (const int o : outputs)
    line("b" + std::to_string(o) + ".at[j] = " + terms[terms.outputs[o]].name + ";");
}

void TileWriter::store(int output, const std::string& place) {
  const std::string y = "y" + std::to_string(output);
  const int term = terms.outputs[output];
  if (lanes > 1)
    line("store(" + moved(y, place) + ", b" + std::to_string(output) + ");");
  else
    line(element(y, place) + " = " + terms[term].name + ";");
}

}  // namespace nabla::cuda
