#include "engine/ops/contraction.h"

#include <algorithm>

#include "engine/ops/contract.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

// Attributes: the summed axes, from the right, ascending.
class Contraction final : public MultilinearPrimitive {
 public:
  Contraction() : MultilinearPrimitive(Op::contraction) {}
  TensorType infer(Inputs inputs, const Attributes& summed) const override {
    if (inputs[0].dtype() != inputs[1].dtype())
      throw Error(with_operands(name(), inputs) + " differ in type; cast one of them");
    if (!is_floating(inputs[0].dtype()))
      throw Error(with_operands(name(), inputs) + ": needs a floating type; cast first");
    Shape shape = broadcast_operands(name(), inputs);
    for (const std::int64_t axis : summed) shape[static_cast<int>(axis)] = 1;
    return {shape, inputs[0].dtype()};
  }
  // The cotangent meets the other operand, summed over the axes on which this slot was repeated.
  Tensor transpose(const Application& at, int slot, const Tensor& cotangent) const override {
    const Tensor& own = at.inputs[slot];
    const Tensor& other = at.inputs[1 - slot];
    Axes summed;
    for (int axis = -own.rank(); axis < 0; ++axis)
      if (own.shape()[axis] == 1 && other.shape()[axis] != 1) summed.push_back(axis);
    return slot == 0 ? contraction(cotangent, other, summed) : contraction(other, cotangent, summed);
  }
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    if (at.attributes.contains(axis)) return std::nullopt;
    return axis;
  }
  // A summed axis may come compressed as long as the other operand still tells its extent.
  bool accepts_compressed_tangent(const Application& at, int slot, int axis) const override {
    if (!at.attributes.contains(axis)) return true;
    const Shape& own = at.inputs[slot].shape();
    return at.inputs[1 - slot].shape()[axis] == own[axis];
  }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
  bool is_constant_operator(int) const override { return true; }
};

const Contraction& kContraction = *new Contraction;

struct Formula {
  std::vector<std::string> operands;
  std::string result;
};

Formula parse(std::string_view formula, std::size_t operand_count) {
  const auto fail = [&](const std::string& why) -> void {
    throw Error("einsum: \"" + std::string(formula) + "\": " + why);
  };
  Formula parsed;
  std::string text;
  for (const char c : formula)
    if (c != ' ') text += c;
  const std::size_t arrow = text.find("->");
  if (arrow == std::string::npos) fail("write the result behind \"->\"");
  parsed.result = text.substr(arrow + 2);
  std::string left = text.substr(0, arrow);
  for (std::size_t start = 0; start <= left.size();) {
    const std::size_t comma = std::min(left.find(',', start), left.size());
    parsed.operands.push_back(left.substr(start, comma - start));
    start = comma + 1;
  }
  if (parsed.operands.size() != operand_count)
    fail("names " + std::to_string(parsed.operands.size()) + " operands, got " +
         std::to_string(operand_count));
  for (const std::string& letters : {parsed.operands.front(), parsed.operands.back(), parsed.result}) {
    std::string sorted = letters;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
      fail("a letter stands twice in \"" + letters + "\"");
    for (const char c : letters)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
        fail("axes are letters, not '" + std::string(1, c) + "'");
  }
  for (const char c : parsed.result)
    if (left.find(c) == std::string::npos)
      fail("no operand has the axis '" + std::string(1, c) + "' of the result");
  return parsed;
}

// Brings an operand to the axis order `letters`, with extent 1 where it lacks a letter.
Tensor align(const Tensor& x, const std::string& own, const std::string& letters, std::string_view formula) {
  if (x.rank() != static_cast<int>(own.size()))
    throw Error("einsum: \"" + std::string(formula) + "\": operand " + to_string(x.shape()) +
                " does not have the axes \"" + own + "\"");
  Axes order;
  Axes missing;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const std::size_t at = own.find(letters[i]);
    if (at == std::string::npos) {
      missing.push_back(static_cast<int>(i) - static_cast<int>(letters.size()));
    } else {
      order.push_back(static_cast<int>(at));
    }
  }
  return insert_axes(permute(x, order), missing);
}

}  // namespace

Tensor contraction(const Operand& a, const Operand& b, const Axes& summed) {
  const SourceScope scope(a.where());
  const int rank = std::max(a.tensor().rank(), b.tensor().rank());
  const Tensor operands[] = {promote(a.tensor(), rank), promote(b.tensor(), rank)};
  Axes axes;
  for (const int axis : summed) axes.push_back(axis_from_right("contraction", operands[0].shape(), axis));
  axes.sort();
  if (axes.has_duplicates())
    throw Error(with_operands("contraction", operands) + ": a summed axis is named twice");
  return apply(kContraction, operands, Attributes(axes), a.where());
}

Tensor matmul(const Operand& a, const Operand& b) {
  const SourceScope scope(a.where());
  const Tensor& x = a.tensor();
  const Tensor& y = b.tensor();
  const auto misfit = [&] {
    const Tensor operands[] = {x, y};
    return Error(with_operands("matmul", operands) +
                 ": the last axis of the first and the one before last of the "
                 "second must agree");
  };
  if (x.rank() == 0 || y.rank() == 0) throw misfit();
  const Tensor left = x.rank() == 1 ? insert_axes(x, {-2}) : x;   // [.., m, k]
  const Tensor right = y.rank() == 1 ? insert_axes(y, {-1}) : y;  // [.., k, n]
  if (left.shape()[-1] != right.shape()[-2]) throw misfit();
  Axes dropped{-2};
  if (x.rank() == 1) dropped.push_back(-3);
  if (y.rank() == 1) dropped.push_back(-1);
  return drop_axes(contraction(insert_axes(left, {-1}), insert_axes(right, {-3}), {-2}), dropped);
}

Tensor einsum(std::string_view formula, const Operand& a, const Operand& b) {
  const SourceScope scope(a.where());
  const Formula parsed = parse(formula, 2);
  std::string letters = parsed.result;
  for (const std::string& own : parsed.operands)
    for (const char c : own)
      if (letters.find(c) == std::string::npos) letters += c;
  const Axes summed = Axes::innermost(static_cast<int>(letters.size() - parsed.result.size()));
  return drop_axes(contraction(align(a.tensor(), parsed.operands[0], letters, formula),
                               align(b.tensor(), parsed.operands[1], letters, formula), summed),
                   summed);
}

Tensor einsum(std::string_view formula, const Operand& a) {
  const SourceScope scope(a.where());
  const Formula parsed = parse(formula, 1);
  std::string letters = parsed.result;
  for (const char c : parsed.operands[0])
    if (letters.find(c) == std::string::npos) letters += c;
  const Tensor aligned = align(a.tensor(), parsed.operands[0], letters, formula);
  if (letters.size() == parsed.result.size()) return aligned;
  return sum(aligned, Axes::innermost(static_cast<int>(letters.size() - parsed.result.size())));
}

}  // namespace nabla
