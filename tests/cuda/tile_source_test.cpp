#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "engine/backend/cpu/tile/tile_kernel.h"
#include "engine/backend/cuda/source/tile/tile_operand.h"
#include "engine/tensor/error.h"
#include "tests/cuda/host_kernels.h"
#include "tests/cuda/host_step.h"
#include "tests/cuda/tile_programs.h"

// Tile programs as text, run on the host, against the interpreter of the CPU.

namespace nabla::cuda::test {
namespace {

using Fold = TileProgram::Fold;
using Bytes = std::vector<std::byte>;

std::vector<Bytes> interpreted(const TileCase& c) {
  std::vector<Bytes> made;
  std::vector<const std::byte*> inputs;
  std::vector<std::byte*> outputs;
  for (const Bytes& memory : c.memory) inputs.push_back(memory.data());
  for (std::size_t o = 0; o < c.program.outputs.size(); ++o)
    made.emplace_back(static_cast<std::size_t>(c.elements(o)) * size_of(c.dtype(c.program.outputs[o])));
  for (Bytes& bytes : made) outputs.push_back(bytes.data());
  cpu::make_tile_kernel(c.program, c.shape, c.layouts)->run(inputs, outputs);
  return made;
}

// Outputs take over the memory of dense inputs where `in_place` allows it.
std::vector<Bytes> run_on_host(const TileCase& c, const StepSource& step, bool in_place) {
  std::vector<Bytes> made;
  std::vector<host::StepInput> inputs;
  std::vector<host::StepOutput> outputs;
  for (std::size_t k = 0; k < c.memory.size(); ++k)
    inputs.push_back(
        {c.memory[k], static_cast<std::size_t>(c.layouts[k].offset) * size_of(c.program.dtypes[k])});
  std::vector<bool> taken(c.memory.size(), false);
  for (std::size_t o = 0; o < c.program.outputs.size(); ++o) {
    const std::size_t bytes =
        static_cast<std::size_t>(c.elements(o)) * size_of(c.dtype(c.program.outputs[o]));
    int over = -1;
    for (std::size_t k = 0; in_place && k < inputs.size() && over < 0; ++k)
      if (!taken[k] && c.layouts[k].is_dense() && c.layouts[k].offset == 0 && c.memory[k].size() == bytes &&
          size_of(c.program.dtypes[k]) == size_of(c.dtype(c.program.outputs[o])))
        over = static_cast<int>(k);
    if (over >= 0) taken[over] = true;
    outputs.push_back({{}, over});
    made.emplace_back(bytes);
  }
  for (std::size_t o = 0; o < made.size(); ++o) outputs[o].memory = made[o];
  host::run_step(step, inputs, outputs);
  return made;
}

template <class T>
std::int64_t first_difference(const Bytes& found, const Bytes& expected, bool exact) {
  const std::size_t count = expected.size() / sizeof(T);
  const auto at = [](const Bytes& bytes, std::size_t i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    return value;
  };
  double largest = 1;
  for (std::size_t i = 0; i < count; ++i)
    if (std::isfinite(static_cast<double>(at(expected, i))))
      largest = std::max(largest, std::abs(static_cast<double>(at(expected, i))));
  const double bound = exact ? 0 : largest * (sizeof(T) == 4 ? 1e-5 : 1e-12);
  for (std::size_t i = 0; i < count; ++i) {
    const T x = at(found, i), e = at(expected, i);
    if (std::memcmp(&x, &e, sizeof(T)) == 0 || (x != x && e != e)) continue;
    if (!exact && (x == e || std::abs(static_cast<double>(x) - static_cast<double>(e)) <= bound)) continue;
    return static_cast<std::int64_t>(i);
  }
  return -1;
}

// The first wrong element of an output, or -1.
std::int64_t wrong_element(const TileCase& c, std::size_t output, const Bytes& found, const Bytes& expected) {
  const int value = c.program.outputs[output];
  const bool exact = c.exact[value];
  if (c.dtype(value) == DType::f32) return first_difference<float>(found, expected, exact);
  if (c.dtype(value) == DType::f64) return first_difference<double>(found, expected, exact);
  return first_difference<std::uint8_t>(found, expected, true);
}

void check(const std::vector<TileCase>& cases) {
  std::vector<StepSource> steps;
  std::vector<std::string> texts;
  for (const TileCase& c : cases) {
    steps.push_back(tile_source(c.program, c.shape, c.layouts));
    for (const KernelSource& kernel : steps.back().kernels) texts.push_back(kernel.text);
  }
  host::compile(texts);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const TileCase& c = cases[i];
    const std::vector<Bytes> expected = interpreted(c);
    for (const bool in_place : {false, true}) {
      const std::vector<Bytes> found = run_on_host(c, steps[i], in_place);
      for (std::size_t o = 0; o < expected.size(); ++o) {
        const std::int64_t wrong = wrong_element(c, o, found[o], expected[o]);
        INFO("case ", i, " over ", to_string(c.shape), in_place ? ", in place" : "", ": output ", o, " is v",
             c.program.outputs[o], "\n", steps[i].kernels.empty() ? "" : steps[i].kernels[0].text);
        CHECK(wrong == -1);
      }
    }
  }
}

// Centred and scaled rows: two reductions one behind the other.
TileCase norm(std::mt19937& random, const Shape& shape, int axes, DType dtype) {
  TileCase c;
  c.shape = shape;
  c.program.fold = Fold::rows;
  c.program.folded_axes = axes;
  std::vector<bool> over_rows(shape.rank(), true);
  for (int axis = shape.rank() - axes; axis < shape.rank(); ++axis) over_rows[axis] = false;
  const int x = c.input(dtype, Layout::dense(shape));
  const int scale = c.input(dtype, random_layout(random, shape, over_rows));
  const int total = c.add("sum", {x}, dtype, true);
  const int part = c.add("tanh", {total}, dtype, true);
  const int centred = c.add("sub", {x, part}, dtype);
  const int squares = c.add("sum", {c.add("square", {centred}, dtype)}, dtype, true);
  const int factor = c.add("rsqrt", {squares}, dtype, true);
  const int scaled = c.add("mul", {c.add("mul", {centred, factor}, dtype), scale}, dtype);
  c.program.outputs = {factor, scaled};
  c.fill(random, false);
  return c;
}

}  // namespace

TEST_CASE("random programs over places") {
  std::mt19937 random(1);
  std::vector<TileCase> cases;
  for (const Shape& shape :
       {Shape{}, Shape{1, 1}, Shape{7}, Shape{64}, Shape{1000}, Shape{5, 33}, Shape{6, 48}, Shape{31, 16},
        Shape{3, 4, 20}, Shape{2, 5, 7}, Shape{4, 1, 8, 3}, Shape{2, 3, 2, 1, 2, 16}, Shape{9, 130}})
    for (int i = 0; i < 2; ++i) cases.push_back(random_case(random, shape, Fold::none, 0));
  check(cases);
}

TEST_CASE("random programs over rows") {
  std::mt19937 random(2);
  std::vector<TileCase> cases;
  for (const Shape& shape :
       {Shape{50, 2}, Shape{9, 6}, Shape{33, 3}, Shape{12, 10}, Shape{70, 8}, Shape{5, 33}, Shape{40, 64},
        Shape{6, 128}, Shape{3, 300}, Shape{2, 785}, Shape{3, 1536}, Shape{2, 4096}, Shape{2, 9000}})
    cases.push_back(random_case(random, shape, Fold::rows, 1));
  for (const Shape& shape : {Shape{4, 6, 5}, Shape{3, 2, 16}, Shape{2, 7, 40}})
    for (const int axes : {1, 2, 3}) cases.push_back(random_case(random, shape, Fold::rows, axes));
  check(cases);
}

TEST_CASE("random programs over tangents") {
  std::mt19937 random(3);
  std::vector<TileCase> cases;
  for (const Shape& shape :
       {Shape{2, 1}, Shape{3, 50}, Shape{5, 16, 9}, Shape{2, 131072}, Shape{2, 16, 64, 129}})
    for (int i = 0; i < 2; ++i) cases.push_back(random_case(random, shape, Fold::tangents, 1));
  for (const Shape& shape : {Shape{2, 3, 20}, Shape{4, 2, 8, 5}})
    for (int i = 0; i < 2; ++i) cases.push_back(random_case(random, shape, Fold::tangents, 2));
  check(cases);
}

TEST_CASE("rows of every way to share them") {
  std::mt19937 random(4);
  std::vector<TileCase> cases;
  for (const Shape& shape : {Shape{300, 4}, Shape{129, 24}, Shape{33, 256}, Shape{4096, 260}, Shape{4, 2000},
                             Shape{3, 8192}, Shape{1, 20001}})
    cases.push_back(norm(random, shape, 1, DType::f32));
  cases.push_back(norm(random, {5, 50, 20}, 2, DType::f64));
  check(cases);
}

TEST_CASE("rows of infinities and NaN") {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  TileCase c;
  c.shape = {6, 37};
  c.program.fold = Fold::rows;
  c.program.folded_axes = 1;
  const int x = c.input(DType::f32, Layout::dense(c.shape));
  c.program.outputs = {c.add("softmax", {x}, DType::f32), c.add("logsumexp", {x}, DType::f32, true),
                       c.add("reduce_max", {x}, DType::f32, true),
                       c.add("reduce_min", {x}, DType::f32, true)};
  std::mt19937 random(6);
  c.fill(random, false);
  float* elements = reinterpret_cast<float*>(c.memory[0].data());
  std::fill_n(elements, 37, -infinity);
  std::fill_n(elements + 37, 36, -infinity);
  elements[2 * 37 + 5] = infinity;
  std::fill_n(elements + 3 * 37, 37, infinity);
  elements[4 * 37 + 36] = nan;
  elements[5 * 37 + 3] = -infinity;
  check({c});
}

TEST_CASE("many tangents, shared by the threads of a place") {
  std::mt19937 random(7);
  std::vector<TileCase> cases;
  for (const Shape& shape : {Shape{70, 5}, Shape{33, 64, 9}, Shape{9, 1000}})
    cases.push_back(random_case(random, shape, Fold::tangents, 1));
  check(cases);
}

TEST_CASE("several elements are read by one access only where they lie together and aligned") {
  const auto access = [](const Shape& shape, const Strides& strides, std::int64_t offset, int split,
                         int lanes) {
    return TileOperand({shape, strides, offset}, split).access(lanes);
  };
  using enum TileAccess;
  CHECK(access({6, 8}, {8, 1}, 0, 0, 4) == vector);
  CHECK(access({6, 8}, {8, 1}, 8, 0, 4) == vector);
  CHECK(access({6, 8}, {8, 1}, 2, 0, 4) == run);
  CHECK(access({6, 8}, {8, 1}, 2, 0, 2) == vector);
  CHECK(access({6, 8}, {10, 1}, 0, 0, 4) == run);
  CHECK(access({6, 8}, {10, 1}, 0, 0, 2) == vector);
  CHECK(access({6, 8}, {0, 1}, 0, 0, 4) == vector);
  CHECK(access({6, 8}, {1, 0}, 0, 0, 4) == one);
  CHECK(access({6, 8}, {0, 0}, 3, 0, 4) == one);
  CHECK(access({6, 8}, {1, 6}, 0, 0, 4) == run);
  CHECK(access({6, 8}, {8, -1}, 7, 0, 4) == run);
  CHECK(access({6, 7}, {7, 1}, 0, 0, 4) == vector);
  CHECK(access({6, 7}, {0, 1}, 0, 0, 4) == each);
  CHECK(access({6, 7}, {1, 0}, 0, 0, 4) == each);
  // What rows and tangents start at.
  CHECK(access({6, 8}, {8, 1}, 0, 1, 4) == vector);
  CHECK(access({6, 8}, {9, 1}, 0, 1, 4) == run);
  CHECK(access({3, 6, 8}, {50, 8, 1}, 0, 1, 4) == run);
  CHECK(access({3, 2, 8}, {50, 20, 1}, 0, 2, 2) == vector);
  CHECK(access({3, 2, 8}, {51, 20, 1}, 0, 2, 2) == run);
}

TEST_CASE("indices have 64 bits where a size needs them") {
  // Two rows of many repeated elements: the first block alone is run.
  TileCase c;
  const std::int64_t many = std::int64_t{1} << 31;
  c.shape = {2, many};
  const int x = c.input(DType::f32, {c.shape, {1, 0}, 0});
  c.program.outputs = {c.add("neg", {x}, DType::f32)};
  const KernelSource made = tile_source(c.program, c.shape, c.layouts).kernels.at(0);
  CHECK(made.text.find("u64") != std::string::npos);
  CHECK(made.blocks == 2 * many / 1024);
  const std::vector<float> elements{1, 2};
  std::vector<float> out(1024);
  const auto address = [](const std::vector<float>& v) { return std::bit_cast<std::uint64_t>(v.data()); };
  const std::array<std::uint64_t, 3> arguments{address(elements), address(out),
                                               static_cast<std::uint64_t>(2 * many)};
  host::kernel(made.text, made.entry).run(1, made.threads, arguments);
  CHECK(out == std::vector<float>(1024, -1));

  c.layouts[0].strides = {many, 0};
  c.shape = {2, 3};
  c.layouts[0].shape = c.shape;
  CHECK(tile_source(c.program, c.shape, c.layouts).kernels.at(0).text.find("u64") != std::string::npos);
  c.layouts[0].strides = {3, 1};
  CHECK(tile_source(c.program, c.shape, c.layouts).kernels.at(0).text.find("u64") == std::string::npos);
}

TEST_CASE("what is read across its memory is taken by tiles") {
  std::mt19937 random(8);
  std::vector<TileCase> cases;
  // The axis of neighbours further out than the innermost, by one or two, and short or long beside a tile.
  const auto add = [&](const Shape& shape, const Strides& strides, DType dtype, std::int64_t offset = 0) {
    TileCase c;
    c.shape = shape;
    const int x = c.input(dtype, {shape, strides, offset}), y = c.input(dtype, Layout::dense(shape));
    c.program.outputs = {c.add("sub", {x, y}, dtype)};
    c.fill(random, false);
    CHECK(tile_source(c.program, c.shape, c.layouts).kernels.at(0).text.find("across") != std::string::npos);
    cases.push_back(std::move(c));
  };
  add({70, 132}, {1, 70}, DType::f32);
  add({8, 16}, {1, 8}, DType::f32, 3);
  add({20, 36}, {1, 25}, DType::f64);
  add({3, 33, 48}, {33 * 48, 1, 33}, DType::f32);
  add({2, 16, 5, 20}, {1600, 1, 16, 80}, DType::f32);
  add({9, 3, 64}, {-1, 600, 9}, DType::u8, 8);
  check(cases);
}

TEST_CASE("steps over more rows share the text of a kernel") {
  const auto text = [](const Shape& shape, Fold fold, int axes) {
    TileCase c;
    c.shape = shape;
    c.program.fold = fold;
    c.program.folded_axes = axes;
    Layout repeated = Layout::dense(shape);
    repeated.stride(0) = 0;
    const int x = c.input(DType::f32, Layout::dense(shape)), y = c.input(DType::f32, repeated);
    const int made = c.add("mul", {x, y}, DType::f32);
    c.program.outputs = {fold == Fold::none ? made : c.add("sum", {made}, DType::f32, true)};
    return tile_source(c.program, shape, c.layouts).kernels.at(0).text;
  };
  CHECK(text({32, 784}, Fold::none, 0) == text({500, 784}, Fold::none, 0));
  CHECK(text({32, 784}, Fold::none, 0) != text({32, 785}, Fold::none, 0));
  CHECK(text({32, 784}, Fold::rows, 1) == text({500, 784}, Fold::rows, 1));
  CHECK(text({20, 512, 784}, Fold::tangents, 1) == text({30, 512, 784}, Fold::tangents, 1));
}

TEST_CASE("nothing is run over no elements") {
  std::mt19937 random(5);
  for (const Shape& shape : {Shape{0}, Shape{3, 0}, Shape{0, 5}}) {
    const TileCase c = norm(random, {2, 4}, 1, DType::f32);
    std::vector<Layout> layouts;
    for (std::size_t k = 0; k < c.layouts.size(); ++k) layouts.push_back(Layout::dense(shape));
    CHECK(tile_source(c.program, shape, layouts).kernels.empty());
  }
}

TEST_CASE("complex numbers and types that a primitive does not know are refused by name") {
  const auto message = [](std::string_view primitive, DType from, DType to, Fold fold = Fold::none) {
    TileCase c;
    c.shape = {2, 3};
    c.program.fold = fold;
    c.program.folded_axes = fold == Fold::none ? 0 : 1;
    c.input(from, Layout::dense(c.shape));
    c.add(primitive, {0}, to, fold != Fold::none);
    c.program.outputs = {1};
    try {
      tile_source(c.program, c.shape, c.layouts);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message("exp", DType::c128, DType::c128) == "exp: complex numbers are for the CPU alone");
  CHECK(message("cast", DType::f64, DType::c128) == "cast: complex numbers are for the CPU alone");
  CHECK(message("exp", DType::i32, DType::i32) == "exp: not supported for i32");
  CHECK(message("neg", DType::boolean, DType::boolean) == "neg: not supported for bool");
  CHECK(message("sum", DType::i32, DType::i32, Fold::rows) == "sum: not supported for i32");
  CHECK(message("softmax", DType::f32, DType::f32, Fold::tangents) ==
        "cuda: no tile program contains softmax");
}

}  // namespace nabla::cuda::test
