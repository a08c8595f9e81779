#include "engine/ops/pooling.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/graph/node.h"
#include "engine/graph/primitive.h"
#include "engine/ops/composed.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

[[noreturn]] void refuse_places(std::string_view name, const Tensor& x, const std::string& why) {
  throw Error(with_operands(name, {&x, 1}) + ": " + why);
}

void require_floating_places(std::string_view name, const Tensor& x) {
  if (!is_floating(x.dtype())) refuse_places(name, x, "needs a floating type; cast first");
}

// `numbers` holds one for each of the innermost axes.
void require_spatial(std::string_view name, const Tensor& x, const std::vector<std::int64_t>& numbers) {
  if (numbers.empty() || static_cast<int>(numbers.size()) > x.rank())
    refuse_places(name, x,
                  "there are no " + std::to_string(numbers.size()) +
                      " innermost axes to go over; give one number for each of one axis or more");
}

// -1, -3, ..: with an axis inserted behind each of the innermost ones, the places of the inserted ones.
Axes behind_each(std::size_t spatial) {
  Axes axes;
  for (int i = 0; i < static_cast<int>(spatial); ++i) axes.push_back(-2 * i - 1);
  return axes;
}

// [.., *S] -> [.., S / extent, extent, ..].
Tensor in_windows(std::string_view name, const Tensor& x, const std::vector<std::int64_t>& extents,
                  const std::vector<std::int64_t>& stride) {
  require_spatial(name, x, extents);
  if (stride.size() > 1 && stride.size() != extents.size())
    refuse_places(name, x,
                  "stride has " + std::to_string(stride.size()) + " numbers for " +
                      std::to_string(extents.size()) + " spatial axes");
  const int spatial = static_cast<int>(extents.size());
  Shape windows = x.shape().first(x.rank() - spatial);
  for (int i = 0; i < spatial; ++i) {
    const std::size_t at = static_cast<std::size_t>(i);
    const std::int64_t extent = extents[at];
    const std::int64_t step = stride.empty() ? extent : stride[stride.size() == 1 ? 0 : at];
    const std::int64_t places = x.shape()[i - spatial];
    if (extent < 1 || step != extent || places % extent != 0)
      refuse_places(name, x,
                    "a window of " + std::to_string(extent) + " with stride " + std::to_string(step) +
                        " does not tile the " + std::to_string(places) + " elements of axis " +
                        std::to_string(i - spatial) +
                        "; the stride must equal the window, and the window divide the axis");
    windows.push_back(places / extent);
    windows.push_back(extent);
  }
  return reshape(x, windows);
}

void check_factors(std::string_view name, const Tensor& x, const std::vector<std::int64_t>& factors) {
  require_spatial(name, x, factors);
  for (const std::int64_t factor : factors)
    if (factor < 1)
      refuse_places(name, x, "a factor is " + std::to_string(factor) + "; it must be at least 1");
}

// [extent factor, extent]: what each element counts at each place between them. The weights are a hat around
// each element; places beyond the ends count as the ends.
Tensor interpolation(std::int64_t extent, std::int64_t factor, DType dtype) {
  const double last = static_cast<double>(std::max<std::int64_t>(0, extent - 1));
  const Tensor middles = (iota(extent * factor, DType::f64) + 0.5) / static_cast<double>(factor);
  const Tensor places = clamp(middles - 0.5, 0, last);
  return cast(relu(1 - abs(insert_axes(places, {-1}) - iota(extent, DType::f64))), dtype);
}

}  // namespace

Tensor average_pool(const Operand& x, const std::vector<std::int64_t>& extents,
                    const std::vector<std::int64_t>& stride) {
  const SourceScope scope(x.where());
  require_floating_places("average_pool", x.tensor());
  return mean(in_windows("average_pool", x.tensor(), extents, stride), behind_each(extents.size()));
}

Tensor max_pool(const Operand& x, const std::vector<std::int64_t>& extents,
                const std::vector<std::int64_t>& stride) {
  const SourceScope scope(x.where());
  const DType dtype = x.tensor().dtype();
  if (dtype == DType::boolean || dtype == DType::c128)
    refuse_places("max_pool", x.tensor(), "needs numbers that have an order; cast first");
  return reduce_max(in_windows("max_pool", x.tensor(), extents, stride), behind_each(extents.size()));
}

Tensor upsample_nearest(const Operand& x, const std::vector<std::int64_t>& factors) {
  const SourceScope scope(x.where());
  const Tensor& data = x.tensor();
  check_factors("upsample_nearest", data, factors);
  const int spatial = static_cast<int>(factors.size());
  Shape repeated = data.shape().first(data.rank() - spatial);
  Shape joined = repeated;
  for (int i = 0; i < spatial; ++i) {
    const std::int64_t places = data.shape()[i - spatial];
    const std::int64_t factor = factors[static_cast<std::size_t>(i)];
    repeated.push_back(places);
    repeated.push_back(factor);
    joined.push_back(places * factor);
  }
  return reshape(broadcast_to(insert_axes(data, behind_each(factors.size())), repeated), joined);
}

Tensor upsample_linear(const Operand& x, const std::vector<std::int64_t>& factors) {
  const SourceScope scope(x.where());
  Tensor y = x.tensor();
  require_floating_places("upsample_linear", y);
  check_factors("upsample_linear", y, factors);
  const int spatial = static_cast<int>(factors.size());
  for (int i = 0; i < spatial; ++i) {
    const int axis = i - spatial;
    const Tensor weights = interpolation(y.shape()[axis], factors[static_cast<std::size_t>(i)], y.dtype());
    y = transpose(matmul(transpose(y, axis, -1), transpose(weights)), axis, -1);
  }
  return y;
}

}  // namespace nabla
