#pragma once

#include <cstdint>
#include <vector>

#include "engine/graph/attributes.h"
#include "engine/tensor/layout.h"

// The axes of a contraction, sorted by what they do.

namespace nabla {

/// One axis and the strides of what walks along it; a stride is 0 where an operand has extent 1.
struct ContractionAxis {
  std::int64_t extent, a, b, c;
};
using ContractionAxes = std::vector<ContractionAxis>;
using AxisStride = std::int64_t ContractionAxis::*;

/// Axes by their role: batch (all three), rows (a and c), columns (b and c), summed (a, b or both).
struct ContractionRoles {
  ContractionAxes batch, rows, columns, summed;
};

inline std::int64_t count(const ContractionAxes& axes) {
  std::int64_t product = 1;
  for (const ContractionAxis& axis : axes) product *= axis.extent;
  return product;
}

/// Several axes walk like one if each stride is the next one's times its extent.
inline bool walks_as_one(const ContractionAxes& axes, AxisStride operand) {
  for (std::size_t i = 0; i + 1 < axes.size(); ++i)
    if (axes[i].*operand != axes[i + 1].*operand * axes[i + 1].extent) return false;
  return true;
}

inline std::int64_t innermost_stride(const ContractionAxes& axes, AxisStride operand, std::int64_t if_none) {
  return axes.empty() ? if_none : axes.back().*operand;
}

/// Where the element with this row-major index along the axes lies.
inline std::int64_t offset_of(const ContractionAxes& axes, std::int64_t index, AxisStride operand) {
  std::int64_t offset = 0;
  for (std::size_t i = axes.size(); i-- > 0;) {
    offset += index % axes[i].extent * (axes[i].*operand);
    index /= axes[i].extent;
  }
  return offset;
}

/// The strides between rows and columns of a matrix; 0 and 0 where its axes do not walk as one.
struct MatrixStrides {
  std::int64_t row, column;

  bool suit_a_product() const { return (row == 1 || column == 1) && row > 0 && column > 0; }
};
MatrixStrides matrix_strides(const ContractionAxes& rows, const ContractionAxes& columns, AxisStride operand);

/// A contraction as its kernels see it.
struct SortedContraction {
  enum class Form { dot_products, scaled_rows, matrix_products };

  ContractionRoles roles;
  bool swapped;  ///< b gives the rows and a the columns, which are dense in the result
  Form form;
};
SortedContraction sort_contraction(const Layout& a, const Layout& b, const Layout& c,
                                   const Attributes& summed);

}  // namespace nabla
