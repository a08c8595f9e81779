#include "engine/ops/arranging.h"

#include <string>

#include "engine/graph/node.h"
#include "engine/graph/primitive.h"
#include "engine/ops/contract.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {

Tensor roll(const Operand& operand, std::int64_t shift, int axis) {
  const SourceScope scope(operand.where());
  const Tensor& x = operand.tensor();
  axis = axis_from_right("roll", x.shape(), axis);
  const std::int64_t extent = x.shape()[axis];
  if (extent == 0) return x;
  const std::int64_t wrapped = (shift % extent + extent) % extent;
  if (wrapped == 0) return x;
  return concatenate({slice(x, axis, extent - wrapped, extent), slice(x, axis, 0, extent - wrapped)}, axis);
}

Tensor repeat(const Operand& operand, std::int64_t count, int axis) {
  const SourceScope scope(operand.where());
  const Tensor& x = operand.tensor();
  axis = axis_from_right("repeat", x.shape(), axis);
  if (count < 0)
    throw Error(with_operands("repeat", {&x, 1}) + ": " + std::to_string(count) + " times is negative");
  Shape joined = x.shape();
  joined[axis] *= count;
  // Copies are an axis of their own, behind the axis.
  const int outer = x.rank() + axis + 1;
  Shape repeated = x.shape().first(outer);
  repeated.push_back(count);
  repeated = concatenate(repeated, x.shape().without_first(outer));
  return reshape(broadcast_to(insert_axes(x, {axis}), repeated), joined);
}

Tensor tile(const Operand& operand, const std::vector<std::int64_t>& counts) {
  const SourceScope scope(operand.where());
  for (const std::int64_t count : counts)
    if (count < 0)
      throw Error(with_operands("tile", {&operand.tensor(), 1}) + ": " + std::to_string(count) +
                  " times is negative");
  const Tensor x = promote(operand.tensor(), static_cast<int>(counts.size()));
  const int kept = x.rank() - static_cast<int>(counts.size());
  Shape repeated = x.shape().first(kept), joined = repeated;
  Axes copies;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const int axis = static_cast<int>(i) - static_cast<int>(counts.size());
    copies.push_back(2 * axis);
    repeated.push_back(counts[i]);
    repeated.push_back(x.shape()[axis]);
    joined.push_back(counts[i] * x.shape()[axis]);
  }
  return reshape(broadcast_to(insert_axes(x, copies), repeated), joined);
}

std::vector<Tensor> meshgrid(const std::vector<Tensor>& axes, std::source_location where) {
  const SourceScope scope(where);
  Shape grid;
  for (const Tensor& axis : axes) {
    if (axis.rank() != 1) throw Error(with_operands("meshgrid", axes) + ": each needs one axis");
    grid.push_back(axis.shape()[0]);
  }
  std::vector<Tensor> coordinates;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    Shape along = Shape::filled(grid.rank(), 1);
    along[static_cast<int>(i)] = grid[static_cast<int>(i)];
    coordinates.push_back(broadcast_to(reshape(axes[i], along), grid));
  }
  return coordinates;
}

}  // namespace nabla
