#include "tests/cuda/step_case.h"
#include "engine/tensor/complex.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <ranges>
#include <type_traits>

#include "engine/backend/backend.h"
#include "engine/graph/primitive.h"
#include "tests/cuda/host_kernels.h"
#include "tests/cuda/host_step.h"

namespace nabla::cuda::host {
namespace {

const Primitive* primitive_named(const std::string& name) {
  return name.empty() ? nullptr : &primitive_of(op_named(name));
}

// Calls f(step) with the description of a case.
template <class F>
auto with_step(const StepCase& step, F f) {
  std::vector<Layout> layouts;
  std::vector<DType> types;
  for (const CaseInput& input : step.inputs) {
    layouts.push_back(input.layout);
    types.push_back(input.dtype);
  }
  const Layout output = Layout::dense(step.output);
  return f(StepDescription{primitive_named(step.primitive), layouts, types, output, step.output_type,
                           step.attributes});
}

std::size_t output_bytes(const StepCase& step) {
  return static_cast<std::size_t>(step.output.size()) * size_of(step.output_type);
}

std::vector<std::byte> run_on_cpu(const StepCase& step) {
  std::vector<std::byte> result(output_bytes(step));
  std::vector<const std::byte*> inputs;
  for (const CaseInput& input : step.inputs) inputs.push_back(input.memory.data());
  std::byte* output = result.data();
  with_step(step, [&](const StepDescription& description) {
    cpu_backend().prepare(description)->run(inputs, std::span(&output, 1));
  });
  return result;
}

template <class T>
std::vector<T> values_of(const std::vector<std::byte>& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// The same step on absolute values.
template <class T>
StepCase absolute(StepCase step) {
  for (CaseInput& input : step.inputs) {
    if (input.dtype != dtype_of<T>) continue;
    std::vector<T> values = values_of<T>(input.memory);
    for (T& v : values) v = std::abs(v);
    if (!values.empty()) std::memcpy(input.memory.data(), values.data(), input.memory.size());
  }
  return step;
}

// The first element where a result is not what it should be; -1 if there is none.
template <class T>
std::int64_t first_difference(const StepCase& step, const std::vector<std::byte>& result,
                              const std::vector<std::byte>& expected) {
  const std::vector<T> a = values_of<T>(result);
  const std::vector<T> b = values_of<T>(expected);
  const T share = std::is_same_v<T, float> ? T(1e-6) : T(1e-12);
  std::vector<T> scale = b;
  if (step.agreement == Agreement::sums) scale = values_of<T>(run_on_cpu(absolute<T>(step)));
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    const bool close = std::isfinite(a[i]) && std::abs(a[i] - b[i]) <= share * std::abs(scale[i]);
    if (step.agreement == Agreement::bits || !close) return static_cast<std::int64_t>(i);
  }
  return -1;
}

std::string value_text(const StepCase& step, const std::vector<std::byte>& bytes, std::int64_t i) {
  const std::size_t at = i;
  if (step.output_type == DType::f32) return std::to_string(values_of<float>(bytes)[at]);
  if (step.output_type == DType::f64) return std::to_string(values_of<double>(bytes)[at]);
  std::int64_t bits = 0;
  std::memcpy(&bits, bytes.data() + at * size_of(step.output_type), size_of(step.output_type));
  return std::to_string(bits);
}

void check_against_cpu(const StepCase& step) {
  std::optional<std::int64_t> refused;
  const std::vector<std::byte> result = run_on_host(step, &refused);
  CHECK_FALSE(refused.has_value());
  const std::vector<std::byte> expected = run_on_cpu(step);
  std::int64_t different = -1;
  if (step.output_type == DType::f32) {
    different = first_difference<float>(step, result, expected);
  } else if (step.output_type == DType::f64) {
    different = first_difference<double>(step, result, expected);
  } else if (const auto at = std::ranges::mismatch(result, expected); at.in1 != result.end()) {
    different = (at.in1 - result.begin()) / static_cast<std::int64_t>(size_of(step.output_type));
  }
  if (different < 0) return;
  FAIL_CHECK("element " << different << " is " << value_text(step, result, different) << ", on the CPU "
                        << value_text(step, expected, different));
}

// Elements that a layout spans, and where its first one lies in them.
struct Extent {
  std::int64_t size, first;
};
Extent extent_of(const Layout& layout) {
  std::int64_t low = 0;
  std::int64_t high = 0;
  for (int i = 0; i < layout.shape.rank(); ++i) {
    const std::int64_t reach = std::max<std::int64_t>(layout.shape[i] - 1, 0) * layout.strides[i];
    (reach < 0 ? low : high) += reach;
  }
  return {layout.shape.size() == 0 ? 0 : high - low + 1, -low};
}

}  // namespace

std::string StepCase::describe() const {
  std::string text = primitive.empty() ? "copy" : primitive;
  for (const CaseInput& input : inputs) {
    text += ", " + std::string(name_of(input.dtype)) + " " + to_string(input.layout.shape) + " strides (";
    for (int i = 0; i < input.layout.shape.rank(); ++i) text += std::to_string(input.layout.strides[i]) + " ";
    text += ") offset " + std::to_string(input.layout.offset);
  }
  text += " to " + std::string(name_of(output_type)) + " " + to_string(output) + ", attributes";
  for (const std::int64_t attribute : attributes) text += " " + std::to_string(attribute);
  return text;
}

DType CaseMaker::floating_type() { return chance(0.5) ? DType::f32 : DType::f64; }
DType CaseMaker::real_type() {
  constexpr std::array kTypes{DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::u32};
  return kTypes[integer(0, kTypes.size() - 1)];
}
DType CaseMaker::stored_type() { return chance(0.15) ? DType::boolean : real_type(); }

std::vector<std::int64_t> CaseMaker::axes(int rank) {
  std::vector<std::int64_t> axes;
  for (int axis = -rank; axis < 0; ++axis)
    if (chance(0.5)) axes.push_back(axis);
  return axes;
}

Shape CaseMaker::shape(int rank, std::int64_t largest_extent) {
  Shape shape;
  for (int i = 0; i < rank; ++i) shape.push_back(chance(0.15) ? 1 : integer(1, largest_extent));
  return shape;
}

Layout CaseMaker::layout(const Shape& shape, Lie lie) {
  Layout layout = Layout::dense(shape);
  if (lie == Lie::dense || chance(0.25)) return layout;
  std::vector<int> order(shape.rank());
  std::iota(order.begin(), order.end(), 0);
  if (chance(0.6)) std::shuffle(order.begin(), order.end(), random_);
  std::int64_t stride = chance(0.2) ? 2 : 1;
  for (const int axis : order | std::views::reverse) {
    std::int64_t& own = layout.strides[axis];
    own = chance(0.15) ? 0 : stride;
    if (own != 0) stride *= std::max<std::int64_t>(shape[axis], 1);
    if (chance(0.15)) stride += integer(1, 5);
    if (chance(0.15)) own = -own;
  }
  layout.offset = extent_of(layout).first + (chance(0.5) ? integer(0, 9) : 0);
  return layout;
}

CaseInput CaseMaker::numbers(const Layout& layout, DType dtype, bool specials) {
  const Extent extent = extent_of(layout);
  const std::size_t count = extent.size + layout.offset - extent.first;
  CaseInput input{layout, dtype, std::vector<std::byte>(std::max<std::size_t>(count, 1) * size_of(dtype))};
  const auto fill = [&]<class T>(T) {
    constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    for (std::size_t i = 0; i < count; ++i) {
      T v = static_cast<T>(std::normal_distribution<double>(0, 2)(random_));
      if (chance(0.3)) v = std::round(v);
      if (specials && chance(0.05)) v = std::array{kNan, kInfinity, -kInfinity, T(-0.0)}[integer(0, 3)];
      std::memcpy(input.memory.data() + i * sizeof(T), &v, sizeof(T));
    }
  };
  if (dtype == DType::f32) {
    fill(0.0F);
  } else if (dtype == DType::f64) {
    fill(0.0);
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t wide = dtype == DType::boolean ? integer(0, 1)
                                : chance(0.5)           ? integer(-3, 3)
                                              : static_cast<std::int64_t>(random_() * 0x100000001ULL);
      std::memcpy(input.memory.data() + i * size_of(dtype), &wide, size_of(dtype));
    }
  }
  return input;
}

CaseInput CaseMaker::indices(const Layout& layout, std::int64_t extent) {
  CaseInput input = numbers(layout, DType::i64);
  std::vector<std::int64_t> values(input.memory.size() / 8);
  for (std::int64_t& value : values) value = extent == 0 ? 0 : integer(0, extent - 1);
  std::memcpy(input.memory.data(), values.data(), input.memory.size());
  return input;
}

StepSource source_of(const StepCase& step) { return with_step(step, &primitive_source); }

std::string refusal_of(const StepCase& step) {
  try {
    source_of(step);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<std::byte> run_on_host(const StepCase& step, std::optional<std::int64_t>* refused) {
  std::vector<std::byte> result(output_bytes(step));
  std::vector<StepInput> inputs;
  for (const CaseInput& input : step.inputs)
    inputs.push_back({input.memory, static_cast<std::size_t>(input.layout.offset) * size_of(input.dtype)});
  const StepOutput output{result};
  const std::optional<std::int64_t> index = run_step(source_of(step), inputs, std::span(&output, 1));
  if (refused) *refused = index;
  return result;
}

void check_cases(const std::vector<StepCase>& cases) {
  std::vector<std::string> texts;
  for (const StepCase& step : cases)
    for (const KernelSource& kernel : source_of(step).kernels) texts.push_back(kernel.text);
  compile(texts);
  for (const StepCase& step : cases) {
    INFO(step.describe());
    try {
      check_against_cpu(step);
    } catch (const std::exception& error) {
      FAIL_CHECK(error.what());
    }
  }
}

void check_random(unsigned seed, int count, const std::function<StepCase(CaseMaker&)>& make) {
  CaseMaker maker(seed);
  std::vector<StepCase> cases;
  for (int i = 0; i < count; ++i) cases.push_back(make(maker));
  check_cases(cases);
}

}  // namespace nabla::cuda::host
