#include "engine/ops/matrices.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/graph/node.h"
#include "engine/graph/primitive.h"
#include "engine/ops/constant.h"
#include "engine/ops/contract.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

void require_axes(std::string_view name, const Tensor& x, int axes) {
  if (x.rank() < axes)
    throw Error(with_operands(name, {&x, 1}) + ": needs " +
                (axes == 1 ? "an axis" : std::to_string(axes) + " axes") + " at least");
}

// Column less row of every element, as [m, n].
Tensor distance_from_diagonal(const Tensor& x) {
  return iota(x.shape()[-1]) - insert_axes(iota(x.shape()[-2]), {-1});
}

}  // namespace

Tensor diagonal(const Operand& operand, std::int64_t offset) {
  const SourceScope scope(operand.where());
  const Tensor& x = operand.tensor();
  require_axes("diagonal", x, 2);
  const std::int64_t rows = x.shape()[-2], columns = x.shape()[-1];
  if (offset > columns || -offset > rows)
    throw Error(with_operands("diagonal", {&x, 1}) + ": a diagonal of offset " + std::to_string(offset) +
                " lies outside of it");
  const std::int64_t count =
      offset >= 0 ? std::min(rows, columns - offset) : std::min(rows + offset, columns);
  const std::int64_t first = offset >= 0 ? offset : -offset * columns;
  Shape flat = x.shape().first(x.rank() - 2);
  flat.push_back(rows * columns);
  // In the order of memory they are one more than a row apart.
  const std::int64_t behind = count == 0 ? 0 : first + (count - 1) * (columns + 1) + 1;
  return slice(reshape(x, flat), -1, count == 0 ? 0 : first, behind, columns + 1);
}

Tensor diagonal_matrix(const Operand& operand, std::int64_t offset) {
  const SourceScope scope(operand.where());
  const Tensor& x = operand.tensor();
  require_axes("diagonal_matrix", x, 1);
  const std::int64_t count = x.shape()[-1], extent = count + std::abs(offset);
  Shape square = x.shape().first(x.rank() - 1);
  square.push_back(extent);
  square.push_back(extent);
  if (count == 0) return full(square, 0, x.dtype());
  const std::int64_t before = offset >= 0 ? offset : -offset * extent;
  const std::int64_t span = (count - 1) * (extent + 1) + 1;
  return reshape(pad(x, -1, before, extent * extent - before - span, extent), square);
}

Tensor trace(const Operand& operand) {
  const SourceScope scope(operand.where());
  require_axes("trace", operand.tensor(), 2);
  return sum(diagonal(operand), {-1});
}

Tensor tril(const Operand& operand, std::int64_t offset) {
  const SourceScope scope(operand.where());
  require_axes("tril", operand.tensor(), 2);
  const Tensor distance = distance_from_diagonal(operand.tensor());
  return select(distance <= static_cast<double>(offset), operand, 0);
}

Tensor triu(const Operand& operand, std::int64_t offset) {
  const SourceScope scope(operand.where());
  require_axes("triu", operand.tensor(), 2);
  const Tensor distance = distance_from_diagonal(operand.tensor());
  return select(distance >= static_cast<double>(offset), operand, 0);
}

Tensor outer(const Operand& a, const Operand& b) {
  const SourceScope scope(a.where());
  require_axes("outer", a.tensor(), 1);
  require_axes("outer", b.tensor(), 1);
  return insert_axes(a, {-1}) * insert_axes(b, {-2});
}

Tensor kron(const Operand& a, const Operand& b) {
  const SourceScope scope(a.where());
  require_axes("kron", a.tensor(), 2);
  require_axes("kron", b.tensor(), 2);
  const Tensor parts = insert_axes(a, {-1, -3}) * insert_axes(b, {-2, -4});  // [.., m, p, n, q]
  const Shape& s = parts.shape();
  Shape joined = s.first(s.rank() - 4);
  joined.push_back(s[-4] * s[-3]);
  joined.push_back(s[-2] * s[-1]);
  return reshape(parts, joined);
}

}  // namespace nabla
