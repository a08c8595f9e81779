#include "tests/cuda/tile_programs.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "engine/tensor/error.h"

namespace nabla::cuda::test {
namespace {

using Fold = TileProgram::Fold;
using Random = std::mt19937;

int below(Random& random, int count) { return static_cast<int>(random() % static_cast<unsigned>(count)); }
bool one_in(Random& random, int count) { return below(random, count) == 0; }

constexpr DType kTypes[] = {DType::f32, DType::f64, DType::i32,    DType::i64,
                            DType::u8,  DType::u32, DType::boolean};
// The text computes them in a way of its own.
constexpr std::string_view kRounded[] = {"sigmoid", "gaussian",   "sech",     "logaddexp",
                                         "silu",    "silu_slope", "gelu",     "gelu_slope",
                                         "sum",     "softmax",    "logsumexp"};
// What keeps small errors small.
constexpr std::string_view kGentle[] = {"add", "sub", "max", "min"};

std::string_view gentle(Random& random) { return kGentle[below(random, std::size(kGentle))]; }

// Pointwise operations of the catalogue by the number of operands: of floating types alone, of all numbers,
// or comparisons.
enum class Kind { floating, numbers, comparison };
std::string_view any_of(Random& random, std::size_t operands, Kind kind) {
  std::vector<std::string_view> fitting;
  for (std::size_t i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    const OperandTypes types = facts_of(op).types;
    const bool compares = types == OperandTypes::any || types == OperandTypes::ordered;
    const Kind of_op = compares                          ? Kind::comparison
                       : types == OperandTypes::floating ? Kind::floating
                                                         : Kind::numbers;
    if (operands_of(op) == operands && of_op == kind) fitting.push_back(facts_of(op).name);
  }
  return fitting[below(random, static_cast<int>(fitting.size()))];
}

template <class T>
void put(std::vector<std::byte>& memory, std::size_t at, T value) {
  std::memcpy(memory.data() + at * sizeof(T), &value, sizeof(T));
}

template <class T>
T floating_element(Random& random, bool special) {
  constexpr T kSpecial[] = {std::numeric_limits<T>::quiet_NaN(),
                            std::numeric_limits<T>::infinity(),
                            -std::numeric_limits<T>::infinity(),
                            T(0),
                            -T(0),
                            std::numeric_limits<T>::min() / 4};
  if (special && one_in(random, 40)) return kSpecial[below(random, 6)];
  return static_cast<T>(below(random, 65) - 32) / 8;
}

// Adds instructions one by one.
class Generator {
 public:
  Generator(Random& random, const Shape& shape, Fold fold, int folded_axes) : random_(random) {
    made_.shape = shape;
    made_.program.fold = fold;
    made_.program.folded_axes = folded_axes;
  }

  TileCase make() {
    const int inputs = 1 + below(random_, 4);
    for (int k = 0; k < inputs; ++k) add_input(k == 0 ? false : one_in(random_, 3));
    const int size = 3 + below(random_, 12);
    if (fold() == Fold::tangents) {
      instructions(size / 3, true, false);  // once
      instructions(size / 2, false, false);
      for (int i = 0; i <= below(random_, 2); ++i) add_sum();
      instructions(size / 3, true, true);
    } else {
      for (int i = 0; i < size; ++i)
        fold() == Fold::rows&& one_in(random_, 4) ? add_along_rows()
                                                  : instructions(1, one_in(random_, 4), true);
    }
    choose_outputs();
    made_.fill(random_, fold() == Fold::none || one_in(random_, 3));
    return std::move(made_);
  }

 private:
  Fold fold() const { return made_.program.fold; }
  int values() const { return static_cast<int>(made_.program.dtypes.size()); }

  void add_input(bool folded) {
    folded = folded && fold() != Fold::none;
    const int rank = made_.shape.rank();
    std::vector<bool> repeats(rank, false);
    for (int axis = 0; axis < rank; ++axis) {
      const bool is_folded_axis = fold() == Fold::tangents ? axis < made_.program.folded_axes
                                                           : axis >= rank - made_.program.folded_axes;
      repeats[axis] = folded ? is_folded_axis || one_in(random_, 8) : one_in(random_, 6);
    }
    const DType dtype = one_in(random_, 3) ? kTypes[below(random_, 7)] : kTypes[below(random_, 2)];
    made_.input(dtype, random_layout(random_, made_.shape, repeats));
  }

  // A value for which `fits` holds, the last ones more often; or -1.
  template <class Fits>
  int value(Fits fits) {
    for (int tries = 0; tries < 30; ++tries) {
      const int v = std::max(below(random_, values()), below(random_, values()));
      if (fits(v)) return v;
    }
    return -1;
  }
  bool is_folded(int v) const { return made_.program.is_folded(v); }
  bool is_exact(int v) const { return made_.exact[v]; }
  // Over tangents, what varies must not see a sum, and what is folded sees nothing else.
  bool is_open(int v, bool folded, bool behind) const {
    if (fold() != Fold::tangents) return !folded || is_folded(v);
    if (folded) return is_folded(v);
    return behind || v < first_behind_;
  }

  void instructions(int count, bool folded, bool behind) {
    folded = folded && fold() != Fold::none;
    for (int i = 0; i < count; ++i) add_pointwise(folded, behind);
    if (!behind) first_behind_ = values();
  }

  void add_pointwise(bool folded, bool behind) {
    const auto open = [&](int v) { return is_open(v, folded, behind); };
    const int a = value(open);
    if (a < 0) return;
    const DType dtype = made_.dtype(a);
    const auto alike = [&](int v) { return open(v) && made_.dtype(v) == dtype; };
    const int b = value(alike);
    // An instruction is folded if it sees nothing else; some are not all the same.
    const auto add = [&](std::string_view name, std::vector<int> operands, DType result) {
      const bool all = std::ranges::all_of(operands, [&](int v) { return is_folded(v); });
      if (fold() == Fold::tangents && all != folded) return;
      made_.add(name, std::move(operands), result, all);
    };
    if (!is_exact(a)) {
      if (b >= 0) add(gentle(random_), {a, b}, dtype);
      return;
    }
    const int kind = below(random_, 8);
    if (kind == 0 || dtype == DType::boolean) {
      const int condition = value([&](int v) { return open(v) && made_.dtype(v) == DType::boolean; });
      if (condition >= 0 && b >= 0) return add("select", {condition, a, b}, dtype);
      return add("cast", {a}, kTypes[below(random_, 7)]);
    }
    if (kind == 1 && b >= 0 && is_exact(b))
      return add(any_of(random_, 2, Kind::comparison), {a, b}, DType::boolean);
    if (kind == 2) return add("cast", {a}, kTypes[below(random_, 7)]);
    if (kind == 3) return add(any_of(random_, 1, Kind::numbers), {a}, dtype);
    if (kind <= 5 && is_floating(dtype)) return add(any_of(random_, 1, Kind::floating), {a}, dtype);
    if (b < 0) return;
    if (kind == 6 && is_floating(dtype) && is_exact(b))
      return add(any_of(random_, 2, Kind::floating), {a, b}, dtype);
    add(any_of(random_, 2, Kind::numbers), {a, b}, dtype);
  }

  void add_along_rows() {
    const auto fits = [&](int v) { return !is_folded(v) && made_.dtype(v) != DType::boolean; };
    const int x = value(fits);
    if (x < 0) return;
    const int kind = below(random_, is_floating(made_.dtype(x)) ? 5 : 2);
    constexpr std::string_view kNames[] = {"reduce_max", "reduce_min", "sum", "softmax", "logsumexp"};
    made_.add(kNames[kind], {x}, made_.dtype(x), kind != 3);
  }
  void add_sum() {
    const int x =
        value([&](int v) { return is_floating(made_.dtype(v)) && (!is_folded(v) || v < first_behind_); });
    if (x >= 0) made_.add("sum", {x}, made_.dtype(x), true);
  }

  // Whatever nobody reads, and some more.
  void choose_outputs() {
    TileProgram& program = made_.program;
    std::vector<bool> read(program.dtypes.size(), false);
    for (const TileProgram::Instruction& instruction : program.instructions)
      for (int k = 0; k < instruction.operand_count; ++k) read[instruction.operands[k]] = true;
    for (int v = program.inputs; v < values(); ++v)
      if (!read[v] || one_in(random_, 6)) program.outputs.push_back(v);
  }

  Random& random_;
  TileCase made_;
  int first_behind_ = 0;  // the first value that may depend on a sum over tangents
};

}  // namespace

const Primitive& named(std::string_view name) { return primitive_of(op_named(name)); }

int TileCase::input(DType dtype, const Layout& layout) {
  bool repeats = program.fold != Fold::none;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool is_folded_axis = program.fold == Fold::tangents ? axis < program.folded_axes
                                                               : axis >= shape.rank() - program.folded_axes;
    if (is_folded_axis && layout.strides[axis] != 0) repeats = false;
  }
  layouts.push_back(layout);
  program.dtypes.push_back(dtype);
  program.folded.push_back(repeats);
  exact.push_back(true);
  return program.inputs++;
}

int TileCase::add(std::string_view primitive, std::vector<int> operands, DType result, bool folded) {
  bool is_exact =
      std::ranges::find(kRounded, primitive) == std::end(kRounded) && !primitive.starts_with("reduce_");
  for (const int v : operands) is_exact = is_exact && exact[v];
  exact.push_back(is_exact);
  return program.add(named(primitive), operands, result, folded);
}

void TileCase::fill(Random& random, bool special) {
  for (std::size_t k = 0; k < layouts.size(); ++k) {
    std::int64_t last = layouts[k].offset;
    for (int axis = 0; axis < shape.rank(); ++axis)
      last += std::max<std::int64_t>(0, layouts[k].strides[axis]) * (shape[axis] - 1);
    const DType dtype = program.dtypes[k];
    const std::size_t count = static_cast<std::size_t>(last) + 1;
    std::vector<std::byte>& bytes = memory.emplace_back(count * size_of(dtype));
    for (std::size_t i = 0; i < count; ++i) {
      if (dtype == DType::f32) put(bytes, i, floating_element<float>(random, special));
      if (dtype == DType::f64) put(bytes, i, floating_element<double>(random, special));
      if (dtype == DType::boolean) put(bytes, i, one_in(random, 2));
      if (dtype == DType::u8) put(bytes, i, static_cast<std::uint8_t>(random()));
      if (dtype == DType::i32 || dtype == DType::u32) put(bytes, i, static_cast<std::uint32_t>(random()));
      if (dtype == DType::i64)
        put(bytes, i, (static_cast<std::uint64_t>(random()) << 32 | random()) >> below(random, 2) * 40);
    }
  }
}

std::int64_t TileCase::elements(std::size_t output) const {
  if (!program.is_folded(program.outputs[output])) return shape.size();
  return program.fold == Fold::tangents ? shape.without_first(program.folded_axes).size()
                                        : shape.first(shape.rank() - program.folded_axes).size();
}

Layout random_layout(Random& random, const Shape& shape, const std::vector<bool>& repeats) {
  Layout made{shape, {}, 0};
  std::vector<int> order(shape.rank());
  std::iota(order.begin(), order.end(), 0);
  const bool is_strange = one_in(random, 2);
  if (is_strange && one_in(random, 3)) std::ranges::shuffle(order, random);
  if (is_strange) made.offset = below(random, 6);
  std::int64_t stride = is_strange && one_in(random, 3) ? 1 + below(random, 3) : 1;
  for (std::size_t i = order.size(); i-- > 0;) {
    const std::size_t axis = order[i];
    if (repeats[axis]) continue;
    const std::int64_t extent = shape[order[i]];
    made.strides[axis] = stride;
    stride *= extent;
    if (is_strange && one_in(random, 4)) stride += below(random, 5);
    if (!is_strange || !one_in(random, 4)) continue;
    made.offset += made.strides[axis] * (extent - 1);  // from its other end
    made.strides[axis] *= -1;
  }
  return made;
}

TileCase random_case(Random& random, const Shape& shape, Fold fold, int folded_axes) {
  return Generator(random, shape, fold, folded_axes).make();
}

}  // namespace nabla::cuda::test
