#include "engine/autodiff/jacobian/field.h"

#include "engine/autodiff/jacobian/samplewise.h"
#include "engine/autodiff/jvp.h"
#include "engine/ops/constant.h"
#include "engine/ops/shaping.h"
#include "engine/ops/substitute.h"

namespace nabla {

Tensor FieldOnVariable::times(const Tensor& tangents) const {
  const Tensor seeds = reshape(tangents, concatenate(tangents.shape().first(2), x.shape().without_first(1)));
  const std::optional<Tensor> pushed = jvp(y, x, seeds);
  const Shape result{tangents.shape()[0], samples(), extent()};
  return pushed ? reshape(*pushed, result) : zeros(result, dtype());
}

Tensor FieldOnVariable::put_back(const Tensor& result) const { return substitute(result, x, argument); }

FieldOnVariable field_of(const char* what, const Tensor& argument, const Tensor& x, const Tensor& y) {
  if (!is_floating(x.dtype()) || y.dtype() != x.dtype())
    throw Error(std::string(what) + ": argument " + std::string(name_of(x.dtype())) + " and result " +
                std::string(name_of(y.dtype())) + " must be of one floating type");
  return {argument, x, y};
}

FieldOnVariable on_variable(const char* what, const Field& v, const Tensor& x, std::source_location where) {
  const Tensor at = variable(x.shape(), x.dtype(), where);
  return field_of(what, x, at, v(at));
}

FieldOnVariable samplewise_on_variable(const char* what, const Field& v, const Tensor& x, bool same_shape,
                                       std::source_location where) {
  FieldOnVariable field = on_variable(what, v, x, where);
  if (same_shape && !(field.y.shape() == x.shape()))
    throw Error(std::string(what) + ": the field maps " + to_string(x.shape()) + " to " +
                to_string(field.y.shape()) + "; a diagonal needs equal shapes");
  require_samplewise(what, field.y, field.x);
  return field;
}

}  // namespace nabla
