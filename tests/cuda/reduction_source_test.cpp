#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "tests/cuda/step_case.h"

// Kernels that sum, or find the largest, run on the host, against those of the CPU.

namespace nabla::cuda::host {
namespace {

Shape reduced(Shape shape, const Attributes& axes) {
  for (const std::int64_t axis : axes) shape[static_cast<int>(axis)] = 1;
  return shape;
}

StepCase reduction(CaseMaker& maker, const std::string& name, const Shape& shape,
                   const std::vector<std::int64_t>& axes, DType dtype, Agreement agreement, bool specials,
                   Lie lie = Lie::any) {
  const Attributes attributes({}, axes);
  return {name,
          {maker.numbers(maker.layout(shape, lie), dtype, specials)},
          reduced(shape, attributes),
          dtype,
          attributes,
          agreement};
}

TEST_CASE("sums over any axes") {
  check_random(5, 2 * kCases, [](CaseMaker& maker) -> StepCase {
    Shape shape = maker.shape(static_cast<int>(maker.integer(1, 4)), 12);
    if (maker.chance(0.1)) shape[0] = 0;
    return reduction(maker, "sum", shape, maker.axes(shape.rank()), maker.real_type(), Agreement::sums,
                     maker.chance(0.3));
  });
}

// Shapes for each way to share the work: lanes of a warp or a block along terms, rows of a block along
// results, pieces of few results.
struct Frame {
  Shape shape;
  std::vector<std::int64_t> axes;
};
const std::vector<Frame>& frames() {
  static const std::vector<Frame>& all_frames = *new std::vector<Frame>{
      {{40, 24}, {-1}},         // few lanes for each result
      {{12, 200}, {-1}},        // a warp
      {{3, 5000}, {-1}},        // a block
      {{200, 40}, {-2}},        // lanes of results
      {{3000, 8}, {-2}},        // short rows
      {{6, 500, 3}, {-3, -2}},  // rows of three
      {{5, 70, 30}, {-3, -1}},  // mixed
      {{40000}, {-1}},          // pieces of one result
      {{9000, 6}, {-2}},        // pieces of few results
      {{2, 20000}, {-1}},       // pieces of rows
  };
  return all_frames;
}

TEST_CASE("sums, extremes and sums of exponentials in every frame") {
  CaseMaker maker(6);
  std::vector<StepCase> cases;
  int i = 0;
  for (const Frame& frame : frames()) {
    const DType dtype = i++ % 2 == 0 ? DType::f32 : DType::f64;
    cases.push_back(
        reduction(maker, "sum", frame.shape, frame.axes, dtype, Agreement::sums, false, Lie::dense));
    cases.push_back(reduction(maker, "reduce_max", frame.shape, frame.axes, dtype, Agreement::bits,
                              i % 3 == 0, Lie::dense));
    cases.push_back(
        reduction(maker, "logsumexp", frame.shape, frame.axes, dtype, Agreement::values, false, Lie::dense));
  }
  cases.push_back(reduction(maker, "sum", {30000}, {-1}, DType::u8, Agreement::bits, false, Lie::dense));
  cases.push_back(reduction(maker, "sum", {500, 7}, {-2}, DType::i32, Agreement::bits, false, Lie::dense));
  check_cases(cases);
}

TEST_CASE("extremes, with NaN and infinities") {
  check_random(7, kCases, [](CaseMaker& maker) -> StepCase {
    const Shape shape = maker.shape(static_cast<int>(maker.integer(1, 4)), 12);
    return reduction(maker, maker.chance(0.5) ? "reduce_max" : "reduce_min", shape, maker.axes(shape.rank()),
                     maker.real_type(), Agreement::bits, maker.chance(0.5));
  });
}

TEST_CASE("logsumexp, with masked rows, infinities and no terms") {
  check_random(8, kCases, [](CaseMaker& maker) -> StepCase {
    Shape shape = maker.shape(static_cast<int>(maker.integer(1, 3)), 12);
    if (maker.chance(0.1)) shape[0] = 0;
    return reduction(maker, "logsumexp", shape, maker.axes(shape.rank()), maker.floating_type(),
                     Agreement::values, maker.chance(0.3));
  });
  CaseMaker maker(9);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto fill = [](StepCase& step, std::size_t count, double value) {
    for (std::size_t i = 0; i < count; ++i) std::memcpy(step.inputs[0].memory.data() + 8 * i, &value, 8);
  };
  const auto row = [&](std::int64_t length) {
    return reduction(maker, "logsumexp", {length}, {-1}, DType::f64, Agreement::values, false, Lie::dense);
  };
  std::vector<StepCase> cases{row(20000), row(20000), row(50), row(50)};
  fill(cases[0], 20000, -kInfinity);  // all masked
  fill(cases[1], 1, kInfinity);
  fill(cases[2], 50, -kInfinity);
  fill(cases[3], 1, kInfinity);
  check_cases(cases);
}

TEST_CASE("softmax along any axis") {
  const auto softmax = [](CaseMaker& maker, const Shape& shape, int axis, DType dtype, bool specials,
                          Lie lie) {
    return StepCase{"softmax", {maker.numbers(maker.layout(shape, lie), dtype, specials)},
                    shape,     dtype,
                    {axis},    Agreement::values};
  };
  check_random(10, kCases, [&](CaseMaker& maker) {
    const Shape shape = maker.shape(static_cast<int>(maker.integer(1, 3)), 20);
    return softmax(maker, shape, maker.axis(shape), maker.floating_type(), maker.chance(0.2), Lie::any);
  });
  CaseMaker maker(11);
  check_cases({softmax(maker, {6, 300}, -1, DType::f32, false, Lie::dense),
               softmax(maker, {300, 6}, -2, DType::f32, false, Lie::dense),
               softmax(maker, {2, 20000}, -1, DType::f32, false, Lie::dense),
               softmax(maker, {20000, 3}, -2, DType::f64, false, Lie::dense)});
}

TEST_CASE("argmax: the first of equals, NaN above all") {
  const auto argmax = [](CaseMaker& maker, const Shape& shape, int axis, DType dtype, bool specials,
                         Lie lie) {
    return StepCase{"argmax",
                    {maker.numbers(maker.layout(shape, lie), dtype, specials)},
                    reduced(shape, {axis}),
                    DType::i64,
                    {axis},
                    Agreement::bits};
  };
  check_random(12, kCases, [&](CaseMaker& maker) {
    const Shape shape = maker.shape(static_cast<int>(maker.integer(1, 3)), 30);
    return argmax(maker, shape, maker.axis(shape), maker.stored_type(), maker.chance(0.5), Lie::any);
  });
  CaseMaker maker(13);
  check_cases({argmax(maker, {4, 400}, -1, DType::f32, false, Lie::dense),
               argmax(maker, {30000}, -1, DType::u8, false, Lie::dense),
               argmax(maker, {9000, 5}, -2, DType::f32, true, Lie::dense)});
}

TEST_CASE("cumulative sums along any axis") {
  const auto cumsum = [](CaseMaker& maker, const Shape& shape, int axis, DType dtype, bool specials,
                         Lie lie) {
    return StepCase{"cumsum",
                    {maker.numbers(maker.layout(shape, lie), dtype, specials)},
                    shape,
                    dtype,
                    {axis, maker.integer(0, 1)},
                    Agreement::sums};
  };
  check_random(14, kCases, [&](CaseMaker& maker) {
    const Shape shape = maker.shape(static_cast<int>(maker.integer(1, 3)), maker.chance(0.5) ? 8 : 90);
    return cumsum(maker, shape, maker.axis(shape), maker.real_type(), maker.chance(0.2), Lie::any);
  });
  CaseMaker maker(15);
  check_cases({cumsum(maker, {3, 1000}, -1, DType::f32, false, Lie::dense),
               cumsum(maker, {1000, 3}, -2, DType::i32, false, Lie::dense),
               cumsum(maker, {2, 9000}, -1, DType::f32, false, Lie::dense),
               cumsum(maker, {9000, 2}, -2, DType::u8, false, Lie::any),
               cumsum(maker, {40, 8200}, -2, DType::f64, false, Lie::dense)});
}

StepCase contraction(CaseMaker& maker, const Shape& a, const Shape& b, const std::vector<std::int64_t>& axes,
                     DType dtype, Lie lie) {
  Shape output;
  for (int i = 0; i < a.rank(); ++i) output.push_back(a[i] == 1 ? b[i] : a[i]);
  for (const std::int64_t axis : axes) output[static_cast<int>(axis)] = 1;
  return {"contraction",
          {maker.numbers(maker.layout(a, lie), dtype), maker.numbers(maker.layout(b, lie), dtype)},
          output,
          dtype,
          Attributes({}, axes),
          Agreement::sums};
}

TEST_CASE("contractions that are scalar products, scaled rows or sums over nothing") {
  check_random(23, 3 * kCases, [](CaseMaker& maker) {
    for (int attempt = 0;; ++attempt) {
      Shape a = maker.shape(static_cast<int>(maker.integer(1, 4)), 6);
      Shape b = a;
      for (int i = 0; i < a.rank(); ++i)
        if (maker.chance(0.4)) (maker.chance(0.5) ? a : b)[i] = 1;
      if (maker.chance(0.1)) a[0] = b[0] = 0;
      StepCase step = contraction(maker, a, b, maker.axes(a.rank()), maker.floating_type(), Lie::any);
      if (attempt == 1000 || refusal_of(step).empty()) return step;
    }
  });
  CaseMaker maker(24);
  check_cases(
      {contraction(maker, {40, 300}, {1, 300}, {-1}, DType::f32, Lie::dense),  // a matrix times a vector
       contraction(maker, {20000}, {20000}, {-1}, DType::f32, Lie::dense),
       contraction(maker, {5000, 4, 1}, {5000, 1, 4}, {-3}, DType::f64, Lie::dense),
       contraction(maker, {100, 4, 8}, {100, 1, 8}, {-3}, DType::f32, Lie::dense),
       contraction(maker, {1, 70, 1}, {1, 1, 64}, {-3}, DType::f32, Lie::dense)});  // an outer product
  CHECK(refusal_of(contraction(maker, {64, 32, 1}, {1, 32, 64}, {-2}, DType::f32, Lie::dense)) ==
        "cuda: contraction of [64, 32, 1] and [1, 32, 64] is a matrix product, which is not a kernel of its "
        "own");
}

}  // namespace
}  // namespace nabla::cuda::host
