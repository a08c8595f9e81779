#include "engine/spectral/linear_operator.h"

#include <string>

#include "engine/autodiff/jacobian/field.h"
#include "engine/autodiff/jvp.h"
#include "engine/autodiff/vjp.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

// The leading axes of vectors [*L, B or 1, *S] of a space [B, *S].
Shape leading_of(const char* what, const Tensor& vectors, const Shape& space, DType dtype) {
  const int leading = vectors.rank() - space.rank();
  const auto fits = [&] {
    if (leading < 0 || vectors.dtype() != dtype) return false;
    const Shape own = vectors.shape().without_first(leading);
    return (own[0] == space[0] || own[0] == 1) && own.without_first(1) == space.without_first(1);
  };
  if (!fits())
    throw Error(std::string(what) + ": vectors " + to_string(vectors.shape()) + " " +
                std::string(name_of(vectors.dtype())) + " are not of the space " + to_string(space) + " " +
                std::string(name_of(dtype)) + " behind any leading axes");
  return vectors.shape().first(leading);
}

}  // namespace

LinearOperator jacobian_operator(const Field& v, const Tensor& x, std::source_location where) {
  constexpr const char* kName = "jacobian_operator";
  if (!is_floating(x.dtype()))
    throw Error(std::string(kName) + ": the argument " + to_string(x.shape()) + " " +
                std::string(name_of(x.dtype())) + " must be floating");
  const FieldOnVariable field = samplewise_on_variable(kName, v, x, /*same_shape=*/false, where);
  using Transform = std::optional<Tensor> (*)(const Tensor&, const Tensor&, const Tensor&);
  const auto product = [field](Transform transform, const Shape& from, const Shape& to) {
    return [=](const Tensor& vectors) {
      const Shape result = concatenate(leading_of(kName, vectors, from, field.dtype()), to);
      const Tensor pushed = transform(field.y, field.x, vectors).value_or(zeros(result, field.dtype()));
      return broadcast_to(field.put_back(pushed), result);
    };
  };
  const Shape &domain = x.shape(), &range = field.y.shape();
  return {product(&jvp, domain, range), product(&vjp, range, domain), domain, range, x.dtype()};
}

LinearOperator symmetric_part(const LinearOperator& a) {
  if (!(a.domain == a.range) || !a.apply_transpose)
    throw Error("symmetric_part: an operator " + to_string(a.domain) + " -> " + to_string(a.range) +
                (a.apply_transpose ? " is not square" : " whose transpose is unknown"));
  const auto apply = [a](const Tensor& vectors) {
    return (a.apply(vectors) + a.apply_transpose(vectors)) * 0.5;
  };
  return {apply, apply, a.domain, a.range, a.dtype};
}

LinearOperator normal_operator(const LinearOperator& a) {
  if (!a.apply_transpose)
    throw Error("normal_operator: the transpose of an operator " + to_string(a.domain) + " -> " +
                to_string(a.range) + " is unknown");
  const auto apply = [a](const Tensor& vectors) { return a.apply_transpose(a.apply(vectors)); };
  return {apply, apply, a.domain, a.domain, a.dtype};
}

}  // namespace nabla
