#include "engine/ops/pooling.h"

#include <algorithm>
#include <limits>
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
#include "engine/ops/slicing.h"

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

// One innermost axis of the data with the windows that go over it.
struct WindowedAxis {
  int axis;
  std::int64_t places, extent, stride, padding, dilation, windows;
};

// The number of an axis in a list of one for each, of one for all, or of none.
std::int64_t number_at(std::string_view name, const Tensor& x, const char* list,
                       const std::vector<std::int64_t>& numbers, std::size_t at, std::size_t spatial,
                       std::int64_t otherwise) {
  if (numbers.size() > 1 && numbers.size() != spatial)
    refuse_places(name, x,
                  std::string(list) + " has " + std::to_string(numbers.size()) + " numbers for " +
                      std::to_string(spatial) + " spatial axes");
  return numbers.empty() ? otherwise : numbers[numbers.size() == 1 ? 0 : at];
}

// From the innermost axis outwards, for axes count from the right.
std::vector<WindowedAxis> windowed_axes(std::string_view name, const Tensor& x,
                                        const std::vector<std::int64_t>& extents, bool side_by_side,
                                        const UnfoldOptions& options) {
  require_spatial(name, x, extents);
  std::vector<WindowedAxis> axes;
  for (std::size_t at = extents.size(); at-- > 0;) {
    const auto number = [&](const char* list, const std::vector<std::int64_t>& numbers,
                            std::int64_t otherwise) {
      return number_at(name, x, list, numbers, at, extents.size(), otherwise);
    };
    const int axis = static_cast<int>(at) - static_cast<int>(extents.size());
    WindowedAxis of{axis,
                    x.shape()[axis],
                    extents[at],
                    number("stride", options.stride, side_by_side ? extents[at] : 1),
                    number("padding", options.padding, 0),
                    number("dilation", options.dilation, 1),
                    0};
    const std::int64_t reach = of.dilation * (of.extent - 1) + 1, length = of.places + 2 * of.padding;
    if (of.extent < 1 || of.stride < 1 || of.dilation < 1 || of.padding < 0 ||
        (side_by_side && 2 * of.padding > of.extent) || (length < reach && length > 0))
      refuse_places(name, x,
                    "a window of " + std::to_string(of.extent) + " with stride " + std::to_string(of.stride) +
                        (side_by_side ? "" : ", dilation " + std::to_string(of.dilation)) + " and padding " +
                        std::to_string(of.padding) + " does not go over the " + std::to_string(of.places) +
                        " elements of axis " + std::to_string(axis) +
                        "; no window may be longer than the padded data" +
                        (side_by_side ? ", the padding half a window at most" : "") +
                        ", and all but the padding must be positive");
    of.windows = length == 0 ? 0 : (length - reach) / of.stride + 1;  // nothing has no windows
    axes.push_back(of);
  }
  return axes;
}

// Element `element` of each window along one axis; the data are padded.
Tensor element_of_windows(const Tensor& x, const WindowedAxis& of, std::int64_t element) {
  if (of.windows == 0) return slice(x, of.axis, 0, 0);
  const std::int64_t first = element * of.dilation;
  return slice(x, of.axis, first, first + (of.windows - 1) * of.stride + 1, of.stride);
}

Tensor padded(Tensor x, const std::vector<WindowedAxis>& axes) {
  for (const WindowedAxis& of : axes)
    if (of.padding > 0) x = pad(x, of.axis, of.padding, of.padding);
  return x;
}

// [.., *S] -> [.., *R, *extents], of padded data.
Tensor unfolded(Tensor x, const std::vector<WindowedAxis>& axes) {
  int inserted = 0;
  for (auto of = axes.rbegin(); of != axes.rend(); ++of, ++inserted) {
    WindowedAxis shifted = *of;
    shifted.axis -= inserted;
    std::vector<Tensor> elements;
    for (std::int64_t i = 0; i < of->extent; ++i) elements.push_back(element_of_windows(x, shifted, i));
    x = stack(elements, -1);
  }
  return x;
}

// Windows side by side, without padding: [.., *S] -> [.., R, extent, ..], a view.
Tensor tiled(Tensor x, const std::vector<WindowedAxis>& axes) {
  Shape windows = x.shape().first(x.rank() - static_cast<int>(axes.size()));
  for (const WindowedAxis& of : axes)
    if (of.windows * of.extent < of.places) x = slice(x, of.axis, 0, of.windows * of.extent);
  for (auto of = axes.rbegin(); of != axes.rend(); ++of) {
    windows.push_back(of->windows);
    windows.push_back(of->extent);
  }
  return reshape(x, windows);
}
bool are_tiles(const std::vector<WindowedAxis>& axes) {
  return std::ranges::all_of(
      axes, [](const WindowedAxis& of) { return of.stride == of.extent && of.padding == 0; });
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
                    const PoolingOptions& options) {
  const SourceScope scope(x.where());
  require_floating_places("average_pool", x.tensor());
  const std::vector<WindowedAxis> axes = windowed_axes(
      "average_pool", x.tensor(), extents, /*side_by_side=*/true, {options.stride, options.padding});
  if (are_tiles(axes)) return mean(tiled(x.tensor(), axes), behind_each(extents.size()));
  // Axis by axis, so that there are as many terms as the sum of the extents.
  Tensor total = padded(x.tensor(), axes);
  double count = 1;
  for (const WindowedAxis& of : axes) {
    const Tensor line = total;
    total = element_of_windows(line, of, 0);
    for (std::int64_t i = 1; i < of.extent; ++i) total = total + element_of_windows(line, of, i);
    count *= static_cast<double>(of.extent);
  }
  return total * (1 / count);
}

Tensor max_pool(const Operand& x, const std::vector<std::int64_t>& extents, const PoolingOptions& options) {
  const SourceScope scope(x.where());
  const Tensor& data = x.tensor();
  if (data.dtype() == DType::boolean || data.dtype() == DType::c128)
    refuse_places("max_pool", data, "needs numbers that have an order; cast first");
  const std::vector<WindowedAxis> axes =
      windowed_axes("max_pool", data, extents, /*side_by_side=*/true, {options.stride, options.padding});
  if (are_tiles(axes)) return reduce_max(tiled(data, axes), behind_each(extents.size()));
  Tensor under = padded(data, axes);
  if (std::ranges::any_of(axes, [](const WindowedAxis& of) { return of.padding > 0; })) {
    if (!is_floating(data.dtype()))
      refuse_places("max_pool", data,
                    "is padded with minus infinity, which takes a floating type; cast first");
    Shape places;
    for (auto of = axes.rbegin(); of != axes.rend(); ++of) places.push_back(of->places);
    const Tensor inside = padded(ones(places, data.dtype()), axes) > 0;
    under = select(inside, under, -std::numeric_limits<double>::infinity());
  }
  return reduce_max(unfolded(under, axes), Axes::innermost(static_cast<int>(axes.size())));
}

Tensor unfold(const Operand& x, const std::vector<std::int64_t>& extents, const UnfoldOptions& options) {
  const SourceScope scope(x.where());
  const std::vector<WindowedAxis> axes =
      windowed_axes("unfold", x.tensor(), extents, /*side_by_side=*/false, options);
  return unfolded(padded(x.tensor(), axes), axes);
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
