#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/convolution_window.h"
#include "tests/cuda/step_case.h"

// Kernels of convolutions, run on the host, against those of the CPU.

namespace nabla::cuda::host {
namespace {

/// One convolution, any of whose slots may be asked for.
struct Problem {
  Shape leading;
  std::int64_t samples, groups, inputs, outputs;  // channels of a group
  std::vector<std::int64_t> data, window;
  std::vector<WindowAxis> axes;
};

Shape shape_of(const Shape& leading, std::int64_t first, std::int64_t second,
               const std::vector<std::int64_t>& spatial) {
  Shape shape = leading;
  shape.push_back(first);
  shape.push_back(second);
  for (const std::int64_t extent : spatial) shape.push_back(extent);
  return shape;
}

/// A step for one of the three; `varies` says whether each of the two operands has the leading axes.
StepCase convolution_case(CaseMaker& maker, const std::string& primitive, const Problem& p, DType type,
                          Lie lie, std::pair<bool, bool> varies = {true, true}) {
  std::vector<std::int64_t> places;
  ConvolutionWindow window;
  window.spatial = static_cast<int>(p.data.size());
  window.groups = p.groups;
  for (std::size_t k = 0; k < p.data.size(); ++k) {
    window.axes[k] = p.axes[k];
    places.push_back(p.axes[k].places(p.data[k], p.window[k]));
  }
  Shape ones = p.leading;
  for (int i = 0; i < ones.rank(); ++i) ones[i] = 1;
  const auto data = [&](const Shape& leading) {
    return shape_of(leading, p.samples, p.groups * p.inputs, p.data);
  };
  const auto weight = [&](const Shape& leading) {
    return shape_of(leading, p.groups * p.outputs, p.inputs, p.window);
  };
  const auto result = [&](const Shape& leading) {
    return shape_of(leading, p.samples, p.groups * p.outputs, places);
  };
  const Shape &first = varies.first ? p.leading : ones, &second = varies.second ? p.leading : ones;
  Shape a, b, out;
  if (primitive == "convolution") {
    a = data(first), b = weight(second), out = result(p.leading);
  } else if (primitive == "convolution_to_data") {
    a = weight(first), b = result(second), out = data(p.leading);
  } else {
    a = data(first), b = result(second), out = weight(p.leading);
  }
  return {primitive,
          {maker.numbers(maker.layout(a, lie), type), maker.numbers(maker.layout(b, lie), type)},
          out,
          type,
          window.with_output(out).attributes(),
          Agreement::sums};
}

const std::vector<std::string>& primitives() {
  static const std::vector<std::string> names{"convolution", "convolution_to_data", "convolution_to_weight"};
  return names;
}

std::size_t count_of_kernels(const StepCase& step) { return source_of(step).kernels.size(); }
bool is_by_tiles(const StepCase& step) {
  return source_of(step).kernels.at(0).text.find("a_tile") != std::string::npos;
}

Problem random_problem(CaseMaker& maker) {
  Problem p{{},
            maker.integer(1, 3),
            maker.chance(0.4) ? maker.integer(2, 3) : 1,
            maker.integer(1, 4),
            maker.integer(1, 4),
            {},
            {},
            {}};
  if (maker.chance(0.5)) p.leading = maker.shape(static_cast<int>(maker.integer(1, 2)), 3);
  for (std::int64_t k = maker.integer(1, 3); k > 0; --k) {
    p.window.push_back(maker.integer(1, 3));
    p.axes.push_back({maker.integer(1, 3), maker.integer(1, 2), maker.integer(0, 2), maker.integer(0, 2)});
    p.data.push_back((p.window.back() - 1) * p.axes.back().dilation + maker.integer(1, 4));
  }
  return p;
}

TEST_CASE("convolutions of any layout, window and leading axes") {
  CaseMaker maker(31);
  std::vector<StepCase> cases;
  for (int i = 0; i < 2 * kCases; ++i)
    for (const std::string& primitive : primitives())
      cases.push_back(convolution_case(maker, primitive, random_problem(maker), maker.floating_type(),
                                       Lie::any, {maker.chance(0.7), maker.chance(0.7)}));
  check_cases(cases);
}

TEST_CASE("convolutions by tiles: rests of tiles, strides, groups, leading axes and long sums") {
  CaseMaker maker(32);
  std::vector<StepCase> cases;
  const auto add = [&](const Problem& p, DType type, Lie lie, std::pair<bool, bool> varies = {true, true}) {
    for (const std::string& primitive : primitives()) {
      cases.push_back(convolution_case(maker, primitive, p, type, lie, varies));
      INFO(cases.back().describe());
      CHECK(is_by_tiles(cases.back()));
    }
  };
  // More than one tile of 64 rows and columns, none of them full.
  add({{}, 2, 1, 35, 67, {7, 6}, {3, 1}, {{1, 1, 1, 1}, {1, 1, 0, 0}}}, DType::f32, Lie::dense);
  add({{}, 1, 1, 17, 33, {9, 5}, {3, 2}, {{2, 1, 1, 0}, {1, 2, 2, 1}}}, DType::f64, Lie::any);
  add({{}, 2, 3, 9, 8, {5, 6}, {3, 3}, {{1, 1, 1, 1}, {2, 1, 1, 1}}}, DType::f32, Lie::any);
  add({{3}, 2, 1, 8, 9, {6}, {3}, {{1, 1, 1, 1}}}, DType::f32, Lie::dense, {true, false});
  add({{2, 2}, 2, 1, 8, 9, {6}, {3}, {{1, 1, 1, 1}}}, DType::f64, Lie::any, {false, true});
  add({{}, 1, 1, 8, 8, {3, 4, 3}, {2, 2, 3}, {{1, 1, 1, 0}, {3, 1, 1, 2}, {1, 1, 1, 1}}}, DType::f32,
      Lie::dense);
  check_cases(cases);
}

TEST_CASE("long sums of few elements are cut into pieces, whose sums are added in their order") {
  CaseMaker maker(33);
  const Problem places{{}, 9, 1, 2, 3, {12, 11}, {3, 3}, {{1, 1, 1, 1}, {1, 1, 1, 1}}};
  const Problem channels{{}, 1, 1, 70, 9, {4, 3}, {3, 3}, {{1, 1, 1, 1}, {1, 1, 1, 1}}};
  std::vector<StepCase> cases;
  for (const DType type : {DType::f32, DType::f64}) {
    cases.push_back(convolution_case(maker, "convolution_to_weight", places, type, Lie::dense));
    cases.push_back(convolution_case(maker, "convolution", channels, type, Lie::any));
  }
  for (const StepCase& step : cases) CHECK(count_of_kernels(step) == 2);
  check_cases(cases);
}

TEST_CASE("what a run of f32 terms adds up to is carried in f64") {
  CaseMaker maker(36);
  constexpr std::int64_t kTerms = 2048;
  StepCase step = convolution_case(maker, "convolution_to_weight", {{}, 1, 1, 1, 1, {kTerms}, {1}, {{}}},
                                   DType::f32, Lie::dense);
  REQUIRE(is_by_tiles(step));
  std::vector<float> ones(kTerms, 1);
  std::memcpy(step.inputs[1].memory.data(), ones.data(), kTerms * sizeof(float));
  // Each hides from f32 the 63 ones behind it in its run of 64, and all that is added before they cancel.
  ones[0] = 0x1p31F;
  ones[192] = -0x1p31F;
  std::memcpy(step.inputs[0].memory.data(), ones.data(), kTerms * sizeof(float));
  float sum = 0;
  std::memcpy(&sum, run_on_host(step).data(), sizeof(float));
  CHECK(std::fabs(sum - (kTerms - 2)) <= 2 * 63);
}

TEST_CASE("what would leave tiles empty is summed directly") {
  CaseMaker maker(34);
  const Problem group_for_each{{}, 2, 5, 1, 1, {9, 8}, {3, 3}, {{1, 1, 1, 1}, {1, 1, 1, 1}}};
  for (const std::string& primitive : primitives())
    CHECK_FALSE(is_by_tiles(convolution_case(maker, primitive, group_for_each, DType::f32, Lie::dense)));
  const Problem no_channels{{}, 2, 1, 0, 20, {9}, {3}, {{1, 1, 1, 1}}};
  StepCase zeros = convolution_case(maker, "convolution", no_channels, DType::f32, Lie::dense);
  CHECK_FALSE(is_by_tiles(zeros));
  check_cases({zeros});
}

TEST_CASE("convolutions of complex numbers are for the CPU alone") {
  CaseMaker maker(35);
  const Problem p{{}, 1, 1, 1, 1, {4}, {2}, {{}}};
  for (const std::string& primitive : primitives()) {
    StepCase step = convolution_case(maker, primitive, p, DType::f64, Lie::dense);
    step.output_type = DType::c128;
    CHECK(refusal_of(step) == primitive + ": complex numbers are for the CPU alone");
  }
}

}  // namespace
}  // namespace nabla::cuda::host
