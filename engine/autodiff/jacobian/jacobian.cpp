#include "engine/autodiff/jacobian/jacobian.h"

#include <algorithm>

#include "engine/autodiff/jacobian/along_basis.h"
#include "engine/autodiff/jacobian/jacobian_ways.h"
#include "engine/autodiff/jacobian/one_hot_seeds.h"
#include "engine/autodiff/jacobian/trace_estimate.h"
#include "engine/autodiff/transform.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/ops/substitute.h"

namespace nabla {
namespace {

const char* name_of(JacobianMethod method) {
  switch (method) {
    case JacobianMethod::automatic:
      return "automatic";
    case JacobianMethod::forward:
      return "forward";
    case JacobianMethod::reverse:
      return "reverse";
    case JacobianMethod::contraction:
      return "contraction";
    case JacobianMethod::loop_cut:
      return "loop_cut";
    case JacobianMethod::coloured:
      return "coloured";
    case JacobianMethod::signed_colouring:
      return "signed_colouring";
    case JacobianMethod::hutchinson:
      return "hutchinson";
    case JacobianMethod::hutch_plus_plus:
      return "hutch_plus_plus";
  }
  return "?";
}

[[noreturn]] void refuse(const char* what, JacobianMethod method, const std::string& why) {
  throw Error(std::string(what) + ": method " + name_of(method) + " " + why);
}

Direction fewer_passes(const Shape& x, const Shape& y) {
  return x.size() <= y.size() ? Direction::forward : Direction::reverse;
}

// By the way that the options ask for.
Tensor exact(const FieldOnVariable& field, EliminationGoal goal, const JacobianOptions& options) {
  return by_way(field, goal, chosen_way(field, goal, options));
}

Estimate trace_or_diagonal(const char* what, const Field& v, const Tensor& x, Estimated estimated,
                           const JacobianOptions& options, std::source_location where) {
  check_options(what, options);
  const FieldOnVariable field = samplewise_on_variable(what, v, x, /*same_shape=*/true, where);
  const bool is_trace = estimated == Estimated::trace;
  Estimate found;
  switch (options.method) {
    case JacobianMethod::coloured:
    case JacobianMethod::signed_colouring:
      found = estimate_by_colours(what, field, estimated, options);
      break;
    case JacobianMethod::hutchinson:
    case JacobianMethod::hutch_plus_plus:
      found = estimate_by_probes(what, field, estimated, options);
      break;
    default:
      found.value = exact(field, is_trace ? EliminationGoal::trace : EliminationGoal::diagonal, options);
      found.standard_error = zeros(found.value.shape(), x.dtype());
  }
  const auto finish = [&](const Tensor& value) {
    return field.put_back(is_trace ? value : reshape(value, x.shape()));
  };
  return {finish(found.value), finish(found.standard_error)};
}

}  // namespace

void check_options(const char* what, const JacobianOptions& options) {
  const JacobianOptions standard;
  const bool is_coloured =
      options.method == JacobianMethod::coloured || options.method == JacobianMethod::signed_colouring;
  const bool is_exact = options.method <= JacobianMethod::loop_cut;
  const bool draws = options.method >= JacobianMethod::signed_colouring;
  const auto check = [&](bool is_used, bool is_set, const char* field) {
    if (is_set && !is_used)
      refuse(what, options.method, std::string("does not use options.") + field + "; leave it out");
  };
  check(is_exact, options.tangent_bytes != standard.tangent_bytes, "tangent_bytes");
  check(is_coloured, options.radius != standard.radius, "radius");
  check(draws, options.key.has_value(), "key");
  check(draws, options.products != standard.products, "products");
}

std::vector<Tensor> jacobian(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                             const std::vector<Tensor>& xs, const JacobianOptions& options,
                             std::source_location where) {
  check_options("jacobian", options);
  const std::vector<Tensor> variables = variables_like(xs, where);
  const Tensor y = f(variables);
  std::vector<Tensor> found;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const FieldOnVariable field = field_of("jacobian", xs[i], variables[i], y);
    Direction direction = fewer_passes(xs[i].shape(), y.shape());
    if (options.method == JacobianMethod::forward)
      direction = Direction::forward;
    else if (options.method == JacobianMethod::reverse)
      direction = Direction::reverse;
    else if (options.method != JacobianMethod::automatic)
      refuse("jacobian", options.method, "needs samples that do not mix; use forward or reverse");
    const std::int64_t directions = (direction == Direction::forward ? xs[i] : y).size();
    found.push_back(jacobian_along_basis(field, 0, direction,
                                         seeds_at_once(y, field.x, directions, options.tangent_bytes)));
  }
  return substitute(found, variables, xs);
}

Tensor jacobian(const Field& f, const Tensor& x, const JacobianOptions& options, std::source_location where) {
  return jacobian([&](const std::vector<Tensor>& at) { return f(at[0]); }, std::vector{x}, options, where)[0];
}

Tensor sample_jacobian(const Field& v, const Tensor& x, const JacobianOptions& options,
                       std::source_location where) {
  check_options("sample_jacobian", options);
  const FieldOnVariable field = samplewise_on_variable("sample_jacobian", v, x, /*same_shape=*/false, where);
  if (options.method > JacobianMethod::loop_cut)
    refuse("sample_jacobian", options.method, "finds a diagonal or trace, not a whole Jacobian");
  return field.put_back(exact(field, EliminationGoal::whole, options));
}

Tensor divergence(const Field& v, const Tensor& x, const JacobianOptions& options,
                  std::source_location where) {
  return trace_or_diagonal("divergence", v, x, Estimated::trace, options, where).value;
}

Tensor jacobian_diagonal(const Field& v, const Tensor& x, const JacobianOptions& options,
                         std::source_location where) {
  return trace_or_diagonal("jacobian_diagonal", v, x, Estimated::diagonal, options, where).value;
}

Estimate estimate_divergence(const Field& v, const Tensor& x, const JacobianOptions& options,
                             std::source_location where) {
  return trace_or_diagonal("estimate_divergence", v, x, Estimated::trace, options, where);
}

Estimate estimate_jacobian_diagonal(const Field& v, const Tensor& x, const JacobianOptions& options,
                                    std::source_location where) {
  return trace_or_diagonal("estimate_jacobian_diagonal", v, x, Estimated::diagonal, options, where);
}

}  // namespace nabla
