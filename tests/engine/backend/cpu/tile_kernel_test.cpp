#include "engine/backend/cpu/tile/tile_kernel.h"

#include <cmath>
#include <cstring>
#include <functional>

#include "engine/backend/cpu/tile/tile_registers.h"
#include "tests/engine/numbers.h"

// The interpreter of tile programs against loops over single elements.

namespace nabla::test {
namespace {

const Primitive& named(std::string_view name) { return primitive_of(op_named(name)); }

// One input: elements of a buffer in any layout over the program's shape.
struct ProgramInput {
  std::vector<float> elements;
  Layout layout;
};

std::vector<float> noise(std::int64_t count, int seed) {
  std::vector<float> made(count);
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = static_cast<float>((i * 7919 + static_cast<std::size_t>(seed) * 104729) % 1009) / 128.0f - 4.0f;
  return made;
}

// Elements that repeat along the axes where `repeats` says so, from `offset` on, every `step`-th, forwards or
// back.
ProgramInput operand(const Shape& shape, const std::vector<bool>& repeats, std::int64_t offset,
                     std::int64_t step, int seed) {
  ProgramInput made{{}, {shape, {}, 0}};
  std::int64_t stride = 1;
  for (int axis = shape.rank(); axis-- > 0;) {
    const std::size_t at = axis;
    if (repeats[at]) continue;
    made.layout.strides[at] = stride * step;
    stride *= std::max<std::int64_t>(1, shape[axis]);
  }
  made.layout.offset = offset + (step < 0 ? (stride - 1) * -step : 0);
  made.elements = noise(offset + stride * std::abs(step) + 1, seed);
  return made;
}

ProgramInput dense(const Shape& shape, int seed) {
  return operand(shape, std::vector<bool>(static_cast<std::size_t>(shape.rank()), false), 0, 1, seed);
}

float element(const ProgramInput& x, std::int64_t flat) {
  std::int64_t at = x.layout.offset;
  for (int axis = x.layout.shape.rank(); axis-- > 0;) {
    at += flat % x.layout.shape[axis] * x.layout.strides[axis];
    flat /= x.layout.shape[axis];
  }
  return x.elements[at];
}

// select(x > y, x z, y - z) and x > y: registers of two sizes, two results. Returns the first wrong element.
std::int64_t first_difference(const Shape& shape, const ProgramInput& x, const ProgramInput& y,
                              const ProgramInput& z) {
  TileProgram program;
  program.inputs = 3;
  program.dtypes.assign(3, DType::f32);
  const int is_greater = program.add(named("greater"), std::vector<int>{0, 1}, DType::boolean);
  const int product = program.add(named("mul"), std::vector<int>{0, 2}, DType::f32);
  const int difference = program.add(named("sub"), std::vector<int>{1, 2}, DType::f32);
  const int chosen =
      program.add(named("select"), std::vector<int>{is_greater, product, difference}, DType::f32);
  program.outputs = {is_greater, chosen};
  const std::vector<Layout> layouts{x.layout, y.layout, z.layout};
  const auto kernel = cpu::make_tile_kernel(program, shape, layouts);

  const std::size_t count = shape.size();
  Buffer greater((count + 64) * sizeof(bool));
  Buffer selected((count + 16) * sizeof(float));
  std::memset(greater.data(), 7, greater.bytes());
  std::memset(selected.data(), 7, selected.bytes());
  const auto bytes = [](const ProgramInput& o) {
    return reinterpret_cast<const std::byte*>(o.elements.data());
  };
  const std::array<const std::byte*, 3> inputs{bytes(x), bytes(y), bytes(z)};
  const std::array<std::byte*, 2> outputs{greater.data(), selected.data()};
  kernel->run(inputs, outputs);

  const float* found = reinterpret_cast<const float*>(selected.data());
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t at = static_cast<std::int64_t>(i);
    const float a = element(x, at), b = element(y, at), c = element(z, at);
    if (found[i] != (a > b ? a * c : b - c) || greater.data()[i] != std::byte{a > b}) return at;
  }
  for (std::size_t i = count * sizeof(float); i < selected.bytes(); ++i)
    if (selected.data()[i] != std::byte{7}) return static_cast<std::int64_t>(count);
  for (std::size_t i = count; i < greater.bytes(); ++i)
    if (greater.data()[i] != std::byte{7}) return static_cast<std::int64_t>(count);
  return -1;
}

}  // namespace

TEST_CASE("rows of every length beside operands that repeat") {
  for (std::int64_t d = 1; d <= 1500;
       d += d < 70 || (d > 500 && d < 530) || (d > 1015 && d < 1035) ? 1 : 37) {
    const Shape matrix{5, d};
    const Shape cube{3, 4, d};
    INFO("rows of ", d);
    const ProgramInput plain = dense(matrix, 1);
    const ProgramInput along_rows = operand(matrix, {true, false}, 0, 1, 2);
    const ProgramInput along_columns = operand(matrix, {false, true}, 0, 1, 3);
    const ProgramInput scalar = operand(matrix, {true, true}, 2, 1, 4);
    const ProgramInput strided = operand(matrix, {false, false}, 3, 2, 5);
    const ProgramInput flipped = operand(matrix, {false, false}, 1, -1, 6);
    ProgramInput turned = dense(matrix, 7);  // elements lie column by column
    turned.layout.strides = {1, 5};
    CHECK(first_difference(matrix, plain, along_rows, along_columns) == -1);
    CHECK(first_difference(matrix, along_columns, plain, scalar) == -1);
    CHECK(first_difference(matrix, turned, flipped, strided) == -1);
    CHECK(first_difference(matrix, plain, plain, along_rows) == -1);
    CHECK(first_difference(matrix, scalar, scalar, scalar) == -1);
    CHECK(first_difference(cube, operand(cube, {false, true, false}, 0, 1, 1),
                           operand(cube, {true, false, true}, 0, 1, 2), dense(cube, 3)) == -1);
    CHECK(first_difference(cube, operand(cube, {true, true, false}, 5, 1, 1),
                           operand(cube, {false, false, true}, 0, 1, 2),
                           operand(cube, {false, true, false}, 0, -2, 3)) == -1);
  }
}

TEST_CASE("no elements, one element, and as many axes as there may be") {
  for (const Shape& shape : {Shape{}, Shape{1, 1}, Shape{0}, Shape{3, 0}, Shape{0, 5}, Shape{2, 0, 700}}) {
    INFO(to_string(shape));
    CHECK(first_difference(shape, dense(shape, 1), dense(shape, 2), dense(shape, 3)) == -1);
  }
  Shape many;
  for (int axis = 0; axis < kMaxRank; ++axis) many.push_back(axis % 4 == 1 ? 1 : 2);
  std::vector<bool> odd, even;
  for (int axis = 0; axis < kMaxRank; ++axis) {
    odd.push_back(axis % 2 == 1);
    even.push_back(axis % 2 == 0);
  }
  CHECK(first_difference(many, operand(many, odd, 0, 1, 1), operand(many, even, 1, -1, 2), dense(many, 3)) ==
        -1);
}

TEST_CASE("axes are walked as one only where every operand walks them as one") {
  // The same extents with strides that merge for one operand and not for another, in each place.
  const Shape shape{3, 4, 700};
  const std::vector<std::vector<bool>> patterns{
      {false, false, false}, {true, false, false}, {false, true, false}, {false, false, true},
      {true, true, false},   {true, false, true},  {false, true, true},  {true, true, true}};
  for (std::size_t a = 0; a < patterns.size(); ++a)
    for (std::size_t b = 0; b < patterns.size(); ++b) {
      INFO(a, " ", b);
      CHECK(first_difference(shape, dense(shape, 1), operand(shape, patterns[a], 0, 1, 2),
                             operand(shape, patterns[b], 0, 1, 3)) == -1);
    }
}

TEST_CASE("results that are written past the caches are whole") {
  const std::int64_t least = (std::int64_t{8} << 20) / 4;
  for (const Shape& shape : {Shape{least}, Shape{least + 13}, Shape{1030, 2053}, Shape{699'053, 3}}) {
    INFO(to_string(shape));
    const std::vector<bool> whole(shape.rank(), false);
    std::vector<bool> row = whole;
    row[0] = shape.rank() > 1;
    CHECK(first_difference(shape, dense(shape, 1), operand(shape, row, 0, 1, 2),
                           operand(shape, whole, 1, -1, 3)) == -1);
  }
}

TEST_CASE("a register of another size is not written while it is still read") {
  // f32 values die at an instruction that makes f64 ones, and the other way round.
  TileProgram program;
  program.inputs = 1;
  program.dtypes = {DType::f32};
  int x = program.add(named("neg"), std::vector<int>{0}, DType::f32);
  for (int i = 0; i < 4; ++i) {
    x = program.add(named("cast"), std::vector<int>{x}, i % 2 == 0 ? DType::f64 : DType::f32);
    x = program.add(named("neg"), std::vector<int>{x}, i % 2 == 0 ? DType::f64 : DType::f32);
  }
  program.outputs = {x};
  const cpu::TileRegisters registers = cpu::assign_registers(program, {cpu::Loaded::no});
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    const std::size_t from = program.instructions[i].operands[0];
    if (size_of(program.dtypes[from]) != size_of(program.dtypes[i + 1]))
      CHECK(registers.of_value[from] != registers.of_value[i + 1]);
  }
  const std::vector<float> elements = noise(3000, 1);
  for (const std::int64_t columns : {3000, 30}) {
    const Shape shape{3000 / columns, columns};
    const Layout layout = Layout::dense(shape);
    const auto kernel = cpu::make_tile_kernel(program, shape, std::span(&layout, 1));
    std::vector<float> found(3000);
    const std::byte* input = reinterpret_cast<const std::byte*>(elements.data());
    std::byte* output = reinterpret_cast<std::byte*>(found.data());
    kernel->run(std::span(&input, 1), std::span(&output, 1));
    for (std::size_t i = 0; i < found.size(); ++i) REQUIRE(found[i] == -elements[i]);
  }
}

}  // namespace nabla::test
