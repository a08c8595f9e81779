#include "engine/backend/cuda/source/tile/tile_terms.h"

#include <algorithm>

#include "engine/backend/cuda/source/pointwise_expression.h"
#include "engine/backend/cuda/source/source_writer.h"
#include "engine/tensor/error.h"

namespace nabla::cuda {
namespace {

using Kind = TileTerm::Kind;

class Builder {
 public:
  explicit Builder(const TileProgram& program) : program_(program) {
    made_.inputs = program.inputs;
    for (int v = 0; v < program.inputs; ++v) {
      value_.push_back(add(Kind::input, dtype_of(v), is_folded(v), "", {}, ""));
    }
    for (std::size_t i = 0; i < program.instructions.size(); ++i) add_instruction(i);
    for (const int output : program.outputs) made_.outputs.push_back(value_[output]);
  }

  TileTerms take() { return std::move(made_); }

 private:
  DType dtype_of(int value) const { return program_.dtypes[value]; }
  bool is_folded(int value) const {
    return program_.fold != TileProgram::Fold::none && program_.is_folded(value);
  }

  int add(Kind kind, DType dtype, bool folded, const std::string& part, std::vector<int> operands,
          std::string expression) {
    int level = 0;
    for (const int operand : operands) level = std::max(level, made_[operand].level);
    TileTerm term{kind,
                  dtype,
                  folded,
                  "v" + std::to_string(value_.size()) + part,
                  std::move(operands),
                  std::move(expression),
                  level};
    if (term.is_reduction()) ++term.level;
    made_.levels = std::max(made_.levels, term.level);
    made_.terms.push_back(std::move(term));
    return made_.size() - 1;
  }

  void add_instruction(std::size_t index) {
    const TileProgram::Instruction& from = program_.instructions[index];
    const int result = program_.inputs + static_cast<int>(index);
    std::vector<int> operands;
    std::vector<std::string> names;
    std::vector<DType> types;
    for (std::size_t k = 0; k < static_cast<std::size_t>(from.operand_count); ++k) {
      operands.push_back(value_[from.operands[k]]);
      names.push_back(made_[operands.back()].name);
      types.push_back(dtype_of(from.operands[k]));
    }
    if (from.primitive->is_pointwise()) {
      std::string expression = pointwise_expression(*from.primitive, names, types, dtype_of(result));
      value_.push_back(
          add(Kind::pointwise, dtype_of(result), is_folded(result), "", operands, std::move(expression)));
    } else {
      value_.push_back(along_folded(*from.primitive, operands[0], types[0]));
    }
  }

  // A primitive that works along the folded axes.
  int along_folded(const Primitive& primitive, int x, DType dtype) {
    const std::string name(primitive.name());
    const bool over_rows = program_.fold == TileProgram::Fold::rows;
    if (!(over_rows || (program_.fold == TileProgram::Fold::tangents && primitive.op() == Op::sum)))
      throw Error("cuda: no tile program contains " + name);
    type_name(name, dtype);
    if (!is_one_of(facts_of(primitive.op()).types, dtype))
      throw Error(name + ": not supported for " + std::string(name_of(dtype)));
    switch (primitive.op()) {
      case Op::sum: {
        const int total = sum(x, dtype, "_sum");
        return add(Kind::pointwise, dtype, true, "", {total}, converted(made_[total].name, dtype));
      }
      case Op::reduce_max:
        return add(Kind::maximum, dtype, true, "", {x}, made_[x].name);
      case Op::reduce_min:
        return add(Kind::minimum, dtype, true, "", {x}, made_[x].name);
      case Op::softmax: {
        const int top = add(Kind::maximum, dtype, true, "_top", {x}, made_[x].name);
        const int power = exponential(x, top, dtype);
        const int total = sum(power, dtype, "_sum");
        return add(Kind::pointwise, dtype, false, "", {power, total},
                   made_[power].name + " / " + converted(made_[total].name, dtype));
      }
      case Op::logsumexp: {
        const int top = add(Kind::maximum, dtype, true, "_top", {x}, made_[x].name);
        // Infinities stay in the exponent, so that a row of -inf sums to 0.
        const std::string& t = made_[top].name;
        const int shift = add(Kind::pointwise, dtype, true, "_shift", {top},
                              "scalar::abs(" + t + ") == infinity<" + type(dtype) + ">() ? 0 : " + t);
        const int total = sum(exponential(x, shift, dtype), dtype, "_sum");
        return add(Kind::pointwise, dtype, true, "", {shift, total},
                   converted(made_[shift].name + " + scalar::log(" + made_[total].name + ")", dtype));
      }
      default:
        throw Error("cuda: no tile program contains " + name);
    }
  }

  // exp(x - shift)
  int exponential(int x, int shift, DType dtype) {
    return add(Kind::pointwise, dtype, false, "_exp", {x, shift},
               "scalar::exp(" + made_[x].name + " - " + made_[shift].name + ")");
  }
  int sum(int x, DType dtype, const std::string& part) {
    return add(Kind::sum, dtype == DType::f32 ? DType::f64 : dtype, true, part, {x}, made_[x].name);
  }

  static std::string type(DType dtype) { return type_name("cuda", dtype); }
  // A sum as the type of its terms.
  static std::string converted(const std::string& expression, DType dtype) {
    return dtype == DType::f32 ? "static_cast<f32>(" + expression + ")" : expression;
  }

  const TileProgram& program_;
  TileTerms made_;
  std::vector<int> value_;  // the term of each value of the program
};

}  // namespace

bool TileTerms::is_output(int term) const { return std::ranges::find(outputs, term) != outputs.end(); }

std::vector<int> TileTerms::needed(std::span<const int> targets, const std::vector<bool>& ready) const {
  std::vector<bool> found(terms.size(), false);
  for (const int target : targets) found[target] = true;
  std::vector<int> made;
  for (int t = size(); t-- > 0;) {
    if (!found[t]) continue;
    made.push_back(t);
    if (ready[t]) continue;
    for (const int operand : (*this)[t].operands) found[operand] = true;
  }
  std::ranges::reverse(made);
  return made;
}

std::size_t TileTerms::widest_in_memory() const {
  std::size_t widest = 1;
  for (int input = 0; input < inputs; ++input) widest = std::max(widest, size_of((*this)[input].dtype));
  for (const int output : outputs) widest = std::max(widest, size_of((*this)[output].dtype));
  return widest;
}

TileTerms tile_terms(const TileProgram& program) { return Builder(program).take(); }

}  // namespace nabla::cuda
