#include "engine/ops/normalise.h"

#include <cmath>
#include <limits>
#include <string_view>

#include "engine/graph/node.h"
#include "engine/graph/primitive.h"
#include "engine/ops/composed.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

// `axes` is how many innermost axes the operator needs.
void check_normalised(std::string_view name, const Tensor& x, int axes, double epsilon) {
  const auto refuse = [&](const std::string& why) { throw Error(with_operands(name, {&x, 1}) + ": " + why); };
  if (!is_floating(x.dtype())) refuse("needs a floating type; cast first");
  if (axes < 1 || axes > x.rank()) refuse("there are no " + std::to_string(axes) + " innermost axes");
  const bool is_positive = x.dtype() == DType::f32 ? static_cast<float>(epsilon) > 0 : epsilon > 0;
  if (!is_positive || !std::isfinite(epsilon))
    refuse("epsilon is " + number_text(epsilon) + "; it must be positive and finite in the type of the data");
}

// x less its mean. What rounding has left of the mean is taken off as well: where elements are nearly equal
// it would count as their variance.
Tensor centred(const Tensor& x, const Axes& over) {
  const Tensor near = x - stop_gradient(mean(x, over, /*keep_axes=*/true));
  return near - mean(near, over, /*keep_axes=*/true);
}

Tensor over_root_mean_square(const Tensor& x, const Axes& over, double epsilon) {
  return x * rsqrt(mean(square(x), over, /*keep_axes=*/true) + epsilon);
}

}  // namespace

Tensor layer_norm(const Operand& x, int axes, double epsilon) {
  const SourceScope scope(x.where());
  check_normalised("layer_norm", x.tensor(), axes, epsilon);
  const Axes over = Axes::innermost(axes);
  return over_root_mean_square(centred(x.tensor(), over), over, epsilon);
}

Tensor rms_norm(const Operand& x, int axes, std::optional<double> epsilon) {
  const SourceScope scope(x.where());
  const double step = x.tensor().dtype() == DType::f32 ? double{std::numeric_limits<float>::epsilon()}
                                                       : std::numeric_limits<double>::epsilon();
  check_normalised("rms_norm", x.tensor(), axes, epsilon.value_or(step));
  return over_root_mean_square(x.tensor(), Axes::innermost(axes), epsilon.value_or(step));
}

Tensor group_norm(const Operand& x, std::int64_t groups, int spatial, double epsilon) {
  const SourceScope scope(x.where());
  const Tensor& data = x.tensor();
  check_normalised("group_norm", data, spatial + 1, epsilon);
  const std::int64_t channels = data.shape()[-spatial - 1];
  if (groups < 1 || channels % groups != 0)
    throw Error(with_operands("group_norm", {&data, 1}) + ": " + std::to_string(channels) +
                " channels do not fall into " + std::to_string(groups) + " groups");
  Shape grouped = data.shape().first(data.rank() - spatial - 1);
  grouped.push_back(groups);
  grouped.push_back(channels / groups);
  grouped = concatenate(grouped, data.shape().without_first(data.rank() - spatial));
  const Axes over = Axes::innermost(spatial + 1);
  const Tensor normalised = over_root_mean_square(centred(reshape(data, grouped), over), over, epsilon);
  return reshape(normalised, data.shape());
}

}  // namespace nabla
