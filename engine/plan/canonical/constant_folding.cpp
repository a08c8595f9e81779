#include "engine/plan/canonical/constant_folding.h"

#include <array>
#include <bit>
#include <cmath>

#include "engine/backend/backend.h"

namespace nabla {
namespace {

// Integers up to here are doubles, as which constants keep their values.
constexpr double kLargestInteger = 9007199254740992.0;  // 2^53

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// One element by the kernel of the primitive, between casts from and to f64.
double computed(const CanonicalGraph& graph, const PlanNode& node, std::span<const double> operands) {
  const Primitive& cast = primitive_of(Op::cast);
  TileProgram program;
  program.inputs = static_cast<int>(operands.size());
  program.dtypes.assign(operands.size(), DType::f64);
  std::vector<int> read;
  std::vector<const std::byte*> from;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const int operand = static_cast<int>(i);
    read.push_back(program.add(cast, std::span(&operand, 1), graph[node.inputs[i]].dtype));
    from.push_back(reinterpret_cast<const std::byte*>(&operands[i]));
  }
  const int made = program.add(*node.primitive, read, node.dtype);
  program.outputs.push_back(program.add(cast, std::span(&made, 1), DType::f64));
  double result = 0;
  std::byte* to = reinterpret_cast<std::byte*>(&result);
  const std::vector<Layout> layouts(operands.size());
  cpu_backend().compile(program, Shape{}, layouts)->run(from, std::span(&to, 1));
  return result;
}

std::optional<double> pointwise_value(const CanonicalGraph& graph, const PlanNode& node) {
  if (node.dtype == DType::c128) return std::nullopt;
  std::array<double, 3> operands{};
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const std::optional<double> value = graph.uniform(node.inputs[i]);
    if (!value || graph[node.inputs[i]].dtype == DType::c128) return std::nullopt;
    operands[i] = *value;
  }
  const double value = computed(graph, node, std::span(operands.data(), node.inputs.size()));
  if (std::isnan(value) || (!is_floating(node.dtype) && std::abs(value) >= kLargestInteger))
    return std::nullopt;
  return value;
}

// The sum of equal terms where every partial sum is a double, so that their order does not matter.
std::optional<double> sum_of_equal(double value, std::int64_t count, DType dtype) {
  if (dtype == DType::f32) value = static_cast<float>(value);
  if (value == 0 || count == 0) return 0.0;  // not -0: sums begin with 0
  int exponent = 0;
  double odd = std::abs(std::frexp(value, &exponent)) * kLargestInteger;  // times a power of two
  while (std::fmod(odd, 2) == 0) odd /= 2;
  if (!(odd * static_cast<double>(count) <= kLargestInteger)) return std::nullopt;
  const double sum = value * static_cast<double>(count);
  if (dtype == DType::f32) return static_cast<float>(sum);
  return dtype == DType::f64 ? std::optional(sum) : std::nullopt;
}

// The value that all inputs from `first` on have.
std::optional<double> common_value(const CanonicalGraph& graph, const PlanNode& node, std::size_t first) {
  const std::optional<double> value = graph.uniform(node.inputs[first]);
  for (std::size_t i = first + 1; value && i < node.inputs.size(); ++i)
    if (const auto other = graph.uniform(node.inputs[i]); !other || !same_bits(*value, *other))
      return std::nullopt;
  return value;
}

}  // namespace

std::optional<double> folded_value(const CanonicalGraph& graph, const PlanNode& node) {
  using enum Op;
  switch (node.op()) {
    case insert_axes:
    case drop_axes:
    case reshape:
    case permute:
    case broadcast:
    case slice:
    case flip:
    case reduce_max:
    case reduce_min:
      return graph.uniform(node.inputs[0]);
    case concatenate:
      return common_value(graph, node, 0);
    case pad: {
      const std::optional<double> value = graph.uniform(node.inputs[0]);
      return value && same_bits(*value, 0) ? value : std::nullopt;
    }
    case sum: {
      const std::optional<double> value = graph.uniform(node.inputs[0]);
      if (!value || node.shape.size() == 0) return std::nullopt;
      return sum_of_equal(*value, graph[node.inputs[0]].shape.size() / node.shape.size(), node.dtype);
    }
    case cumsum: {
      const std::optional<double> value = graph.uniform(node.inputs[0]);
      return value == 0.0 ? std::optional(0.0) : std::nullopt;  // not -0: sums begin with 0
    }
    case select:
      if (const std::optional<double> value = common_value(graph, node, 1)) return value;
      return pointwise_value(graph, node);
    default:
      return node.primitive->is_pointwise() ? pointwise_value(graph, node) : std::nullopt;
  }
}

}  // namespace nabla
