#include "engine/backend/cuda/source/pointwise_expression.h"

#include <algorithm>
#include <array>

#include "engine/backend/cuda/source/source_writer.h"
#include "engine/tensor/error.h"

namespace nabla::cuda {
namespace {

// The types that a primitive knows, of its first operand.
enum class Domain { floating, numeric, any };

struct Row {
  std::string_view primitive;
  Domain domain;
  std::string_view expression;        // $0, $1, $2 are the operands, $R the type of the result
  std::string_view of_integers = {};  // where it differs: integers wrap around
};

constexpr std::array kRows{
    Row{"neg", Domain::numeric, "-$0", "neg_($0)"},
    Row{"add", Domain::numeric, "$0 + $1", "add_($0, $1)"},
    Row{"sub", Domain::numeric, "$0 - $1", "sub_($0, $1)"},
    Row{"mul", Domain::numeric, "$0 * $1", "mul_($0, $1)"},
    Row{"div", Domain::floating, "$0 / $1"},
    Row{"max", Domain::numeric, "max_($0, $1)"},
    Row{"min", Domain::numeric, "min_($0, $1)"},
    Row{"abs", Domain::numeric, "abs_($0)"},
    Row{"sign", Domain::numeric, "sign_($0)"},
    Row{"square", Domain::numeric, "$0 * $0", "mul_($0, $0)"},
    Row{"sqrt", Domain::floating, "sqrt_($0)"},
    Row{"rsqrt", Domain::floating, "rsqrt_($0)"},
    Row{"reciprocal", Domain::floating, "1 / $0"},
    Row{"exp", Domain::floating, "exp_($0)"},
    Row{"log", Domain::floating, "log_($0)"},
    Row{"expm1", Domain::floating, "expm1_($0)"},
    Row{"log1p", Domain::floating, "log1p_($0)"},
    Row{"sin", Domain::floating, "sin_($0)"},
    Row{"cos", Domain::floating, "cos_($0)"},
    Row{"tanh", Domain::floating, "tanh_($0)"},
    Row{"sigmoid", Domain::floating, "sigmoid_($0)"},
    Row{"sech", Domain::floating, "sech_($0)"},
    Row{"erf", Domain::floating, "erf_($0)"},
    Row{"erfc", Domain::floating, "erfc_($0)"},
    Row{"normal_cdf", Domain::floating, "normal_cdf_($0)"},
    Row{"gaussian", Domain::floating, "gaussian_($0)"},
    Row{"pow", Domain::floating, "pow_($0, $1)"},
    Row{"silu", Domain::floating, "silu_($0, $1)"},
    Row{"gelu", Domain::floating, "gelu_($0, $1)"},
    Row{"silu_slope", Domain::floating, "silu_slope_($0, $1)"},
    Row{"gelu_slope", Domain::floating, "gelu_slope_($0, $1)"},
    Row{"logaddexp", Domain::floating, "logaddexp_($0, $1)"},
    Row{"equal", Domain::any, "$0 == $1"},
    Row{"not_equal", Domain::any, "$0 != $1"},
    Row{"less", Domain::any, "$0 < $1"},
    Row{"less_equal", Domain::any, "$0 <= $1"},
    Row{"greater", Domain::any, "$0 > $1"},
    Row{"greater_equal", Domain::any, "$0 >= $1"},
    Row{"select", Domain::any, "$0 ? $1 : $2"},
    Row{"cast", Domain::any, "cast_<$R>($0)"},
};

bool knows(Domain domain, DType dtype) {
  if (domain == Domain::floating) return is_floating(dtype);
  return domain == Domain::any || dtype != DType::boolean;
}

}  // namespace

std::string pointwise_expression(const Primitive& primitive, std::span<const std::string> operands,
                                 std::span<const DType> types, DType result) {
  const auto row = std::ranges::find(kRows, primitive.name(), &Row::primitive);
  if (row == kRows.end()) throw Error("cuda: no kernel for " + std::string(primitive.name()));
  for (const DType dtype : types) type_name(primitive.name(), dtype);
  if (!knows(row->domain, types[0]))
    throw Error(std::string(primitive.name()) + ": not supported for " + std::string(name_of(types[0])));
  const bool wraps = !row->of_integers.empty() && !is_floating(types[0]);
  std::string made;
  const std::string_view pattern = wraps ? row->of_integers : row->expression;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '$')
      made += pattern[i];
    else if (pattern[++i] == 'R')
      made += type_name(primitive.name(), result);
    else
      made += operands[pattern[i] - '0'];
  }
  return made;
}

}  // namespace nabla::cuda
