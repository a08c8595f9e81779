#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tests/cuda/step_case.h"

// Kernels that move, index and sort elements or make random ones, run on the host, against those of the CPU.

namespace nabla::cuda::host {
namespace {

TEST_CASE("copies and reshapes of any layout") {
  check_random(1, 2 * kCases, [](CaseMaker& maker) -> StepCase {
    const DType dtype = maker.stored_type();
    const Shape shape = maker.shape(static_cast<int>(maker.integer(0, 4)), 9);
    const CaseInput x = maker.numbers(maker.layout(shape, Lie::any), dtype, true);
    if (maker.chance(0.5)) return {"", {x}, shape, dtype, {}, Agreement::bits};
    return {"reshape", {x}, {shape.size()}, dtype, {}, Agreement::bits};
  });
}

TEST_CASE("copies that turn squares, and copies of runs") {
  CaseMaker maker(2);
  std::vector<StepCase> cases;
  const auto copy = [&](const Shape& shape, const Strides& strides, std::int64_t offset, DType dtype) {
    cases.push_back(
        {"", {maker.numbers({shape, strides, offset}, dtype)}, shape, dtype, {}, Agreement::bits});
  };
  copy({70, 45}, {1, 70}, 0, DType::f32);         // a transpose
  copy({3, 33, 8}, {300, 1, 33}, 5, DType::f64);  // of a batch
  copy({9, 4, 40}, {1, 360, 9}, 0, DType::u8);    // outermost against innermost
  copy({5, 64}, {72, 1}, 8, DType::f32);          // aligned rows
  copy({5, 64}, {67, 1}, 3, DType::f32);          // rows that are not
  copy({1027}, {1}, 1, DType::f32);               // dense, with a rest
  copy({4096}, {1}, 0, DType::boolean);
  copy({6, 50}, {0, 1}, 0, DType::i32);  // repeated rows
  copy({50, 6}, {-6, -1}, 299, DType::u32);
  copy({0, 4}, {4, 1}, 0, DType::f32);
  check_cases(cases);
}

TEST_CASE("padding") {
  check_random(3, kCases, [](CaseMaker& maker) -> StepCase {
    const DType dtype = maker.stored_type();
    Shape shape = maker.shape(static_cast<int>(maker.integer(1, 4)), 8);
    const int axis = maker.axis(shape);
    if (maker.chance(0.1)) shape[axis] = 0;
    const std::int64_t before = maker.integer(0, 3), after = maker.integer(0, 3),
                       interior = maker.integer(0, 2);
    Shape output = shape;
    output[axis] = before + after + (shape[axis] > 0 ? (shape[axis] - 1) * (interior + 1) + 1 : 0);
    return {"pad",
            {maker.numbers(maker.layout(shape, Lie::any), dtype)},
            output,
            dtype,
            {axis, before, after, interior},
            Agreement::bits};
  });
}

TEST_CASE("concatenation, of more inputs than a kernel takes, too") {
  check_random(4, kCases, [](CaseMaker& maker) -> StepCase {
    const DType dtype = maker.stored_type();
    Shape shape = maker.shape(static_cast<int>(maker.integer(1, 4)), 10);
    const int axis = maker.axis(shape);
    StepCase step{"concatenate", {}, shape, dtype, {axis}, Agreement::bits};
    step.output[axis] = 0;
    for (std::int64_t i = maker.chance(0.3) ? 11 : maker.integer(1, 3); i > 0; --i) {
      shape[axis] = maker.integer(0, 40);
      step.output[axis] += shape[axis];
      step.inputs.push_back(maker.numbers(maker.layout(shape, Lie::any), dtype));
    }
    return step;
  });
}

TEST_CASE("iota") {
  std::vector<StepCase> cases;
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::u32})
    cases.push_back({"iota", {}, {300}, dtype, {}, Agreement::bits});
  check_cases(cases);
}

StepCase random_gather(CaseMaker& maker) {
  const DType dtype = maker.stored_type();
  Shape x = maker.shape(static_cast<int>(maker.integer(1, 4)), 9);
  if (maker.chance(0.5)) x[-1] = 8;
  const int axis = maker.axis(x);
  Shape indices = x;
  for (int i = 0; i < x.rank(); ++i)
    if (maker.chance(0.4)) indices[i] = 1;
  indices[axis] = maker.integer(0, 12);
  Shape output = x;
  output[axis] = indices[axis];
  const std::int64_t extent = x[axis];
  for (int i = 0; i < x.rank(); ++i)
    if (i - x.rank() != axis && indices[i] == x[i] && maker.chance(0.2)) x[i] = 1;
  return {"gather",
          {maker.numbers(maker.layout(x, Lie::any), dtype),
           maker.indices(maker.layout(indices, Lie::any), extent)},
          output,
          dtype,
          {axis},
          Agreement::bits};
}

TEST_CASE("gather") { check_random(16, 2 * kCases, &random_gather); }

StepCase scatter_add(CaseMaker& maker, const Shape& updates, const Shape& indices, int axis,
                     std::int64_t extent, DType dtype, Lie lie) {
  Shape output;
  for (int i = 0; i < updates.rank(); ++i) output.push_back(std::max(updates[i], indices[i]));
  output[axis] = extent;
  return {
      "scatter_add",
      {maker.numbers(maker.layout(updates, lie), dtype), maker.indices(maker.layout(indices, lie), extent)},
      output,
      dtype,
      {axis, extent},
      Agreement::bits};
}

// Updates that the first one hides from sums of their own type.
StepCase hidden(StepCase scatter) {
  const bool single = scatter.output_type == DType::f32;
  std::byte* memory = scatter.inputs[0].memory.data();
  const std::int64_t size = single ? 4 : 8;
  for (std::int64_t i = 0; i * size < static_cast<std::int64_t>(scatter.inputs[0].memory.size()); ++i) {
    const double value = i == 0 ? (single ? 0x1p24 : 0x1p53) : 1;
    const float rounded = static_cast<float>(value);
    if (single)
      std::memcpy(memory + i * size, &rounded, 4);
    else
      std::memcpy(memory + i * size, &value, 8);
  }
  return scatter;
}

TEST_CASE("scatter_add: updates in their order, to the bit") {
  check_random(17, 2 * kCases, [](CaseMaker& maker) {
    Shape updates = maker.shape(static_cast<int>(maker.integer(1, 4)), 6);
    const int axis = maker.axis(updates);
    updates[axis] = maker.chance(0.5) ? maker.integer(0, 20) : maker.integer(130, 300);
    Shape indices = updates;
    for (int i = 0; i < updates.rank(); ++i) {
      if (i - updates.rank() == axis) continue;
      if (maker.chance(0.4)) {
        indices[i] = 1;
      } else if (maker.chance(0.2)) {
        updates[i] = 1;
      }
    }
    return scatter_add(maker, updates, indices, axis, maker.integer(1, 9), maker.real_type(), Lie::any);
  });
  CaseMaker maker(18);
  check_cases({scatter_add(maker, {5000, 8}, {5000, 1}, -2, 50, DType::f32, Lie::dense),
               scatter_add(maker, {3, 2500}, {3, 2500}, -1, 9, DType::f64, Lie::dense),
               hidden(scatter_add(maker, {900}, {900}, -1, 2, DType::f32, Lie::dense)),
               hidden(scatter_add(maker, {100}, {100}, -1, 2, DType::f64, Lie::dense))});
}

void set_index(CaseInput& indices, std::int64_t place, std::int64_t value) {
  std::memcpy(indices.memory.data() + 8 * (indices.layout.offset + place), &value, 8);
}

TEST_CASE("an index outside its axis is refused: gather writes zero for it, scatter_add leaves it out") {
  for (const std::int64_t wrong :
       {std::int64_t{7}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    CaseMaker maker(19);
    StepCase gather{
        "gather", {maker.numbers(Layout::dense({7, 4}), DType::f32), maker.indices(Layout::dense({5, 1}), 7)},
        {5, 4},   DType::f32,
        {-2},     Agreement::bits};
    std::optional<std::int64_t> refused;
    const std::vector<std::byte> right = run_on_host(gather);
    set_index(gather.inputs[1], 2, wrong);
    std::vector<std::byte> result = run_on_host(gather, &refused);
    CHECK(refused == wrong);
    CHECK(
        std::all_of(result.begin() + 32, result.begin() + 48, [](std::byte b) { return b == std::byte{0}; }));
    std::copy(right.begin() + 32, right.begin() + 48, result.begin() + 32);
    CHECK(result == right);

    for (const std::int64_t length : {20, 400}) {  // indices walked, and indices sorted
      StepCase scatter = scatter_add(maker, {length, 2}, {length, 1}, -2, 7, DType::i32, Lie::dense);
      const std::int32_t zeros[2] = {0, 0};
      std::memcpy(scatter.inputs[0].memory.data() + 8 * 11, zeros, 8);
      const std::vector<std::byte> without = run_on_host(scatter);
      const std::int32_t ones[2] = {1, 1};
      std::memcpy(scatter.inputs[0].memory.data() + 8 * 11, ones, 8);
      set_index(scatter.inputs[1], 11, wrong);
      CHECK(run_on_host(scatter, &refused) == without);
      CHECK(refused == wrong);
    }
  }
}

TEST_CASE("an axis without places refuses all updates") {
  CaseMaker maker(26);
  std::optional<std::int64_t> refused;
  StepCase scatter = scatter_add(maker, {3, 2}, {3, 1}, -2, 0, DType::f32, Lie::dense);
  set_index(scatter.inputs[1], 0, 4);
  run_on_host(scatter, &refused);
  CHECK(refused == 4);
  CHECK(source_of(scatter_add(maker, {0, 2}, {0, 1}, -2, 0, DType::f32, Lie::dense)).kernels.empty());
}

StepCase argsort(CaseMaker& maker, const Shape& shape, int axis, DType dtype, bool specials, Lie lie) {
  Shape output = shape;
  if (maker.chance(0.5)) output[axis] = maker.integer(0, shape[axis]);
  return {"argsort",
          {maker.numbers(maker.layout(shape, lie), dtype, specials)},
          output,
          DType::i64,
          {axis, maker.integer(0, 1), output[axis]},
          Agreement::bits};
}

TEST_CASE("argsort: equals in their order, NaN as the largest, all places or the first ones") {
  check_random(20, 2 * kCases, [](CaseMaker& maker) {
    const Shape shape = maker.shape(static_cast<int>(maker.integer(1, 3)), maker.chance(0.5) ? 6 : 70);
    return argsort(maker, shape, maker.axis(shape), maker.stored_type(), maker.chance(0.5), Lie::any);
  });
  CaseMaker maker(21);
  check_cases({argsort(maker, {2048}, -1, DType::f32, true, Lie::dense),
               argsort(maker, {2, 2049}, -1, DType::f32, true, Lie::dense),
               argsort(maker, {5000, 3}, -2, DType::i64, false, Lie::any),
               argsort(maker, {9000}, -1, DType::u8, false, Lie::dense)});
}

TEST_CASE("random numbers are the CPU's") {
  std::vector<StepCase> cases;
  CaseMaker maker(22);
  const auto add = [&](const std::string& name, DType dtype, const Shape& keys, const Shape& shape, Lie lie) {
    Shape whole = keys;
    whole.push_back(2);
    cases.push_back({name,
                     {maker.numbers(maker.layout(whole, lie), DType::u32)},
                     concatenate(keys, shape),
                     dtype,
                     Attributes({static_cast<std::int64_t>(dtype), maker.integer(0, 1)}, shape.extents()),
                     Agreement::bits});
  };
  for (const Lie lie : {Lie::dense, Lie::any, Lie::any}) {
    add("random_bits", DType::u32, {}, {1000}, lie);
    add("random_bits", DType::u32, {3, 4}, {5, 3}, lie);
    add("random_uniform", DType::f32, {2}, {37}, lie);
    add("random_uniform", DType::f64, {5}, {7, 3}, lie);
    add("random_uniform", DType::f64, {2, 3}, {}, lie);
    cases.push_back({"fold_in",
                     {maker.numbers(maker.layout({4, 1, 2}, lie), DType::u32),
                      maker.numbers(maker.layout({4, 70, 1}, lie), DType::i64)},
                     {4, 70, 2},
                     DType::u32,
                     {},
                     Agreement::bits});
  }
  check_cases(cases);
}

TEST_CASE("what has no kernel says so") {
  StepCase add{"add", {}, {3}, DType::f32, {}, Agreement::bits};
  CHECK(refusal_of(add) == "cuda: no kernel for add");
  for (const char* name :
       {"sum", "logsumexp", "softmax", "cumsum", "argsort", "argmax", "reshape", "reduce_max"}) {
    StepCase step{name, {{Layout::dense({3}), DType::c128, {}}}, {3}, DType::c128, {-1, 0}, Agreement::bits};
    CHECK(refusal_of(step) == std::string(name) + ": complex numbers are for the CPU alone");
  }
}

}  // namespace
}  // namespace nabla::cuda::host
