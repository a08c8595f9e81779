#pragma once

#include <cstdint>

#include "engine/backend/walk.h"
#include "engine/graph/attributes.h"

// The axes of a contraction, sorted by what they do.

namespace nabla {

/// The operands of a contraction, in walks along some of its axes: a stride is 0 where an operand has
/// extent 1.
inline constexpr std::size_t kLeft = 0, kRight = 1, kResult = 2;
using ContractionWalk = Walk<3>;

/// Axes by their role: batch (all three operands), rows (left and result), columns (right and result), summed
/// (left, right or both).
struct ContractionRoles {
  ContractionWalk batch, rows, columns, summed;
};

/// The strides between rows and columns of a matrix; 0 and 0 where its axes do not walk as one.
struct MatrixStrides {
  std::int64_t row, column;

  bool suit_a_product() const { return (row == 1 || column == 1) && row > 0 && column > 0; }
};
MatrixStrides matrix_strides(const ContractionWalk& rows, const ContractionWalk& columns,
                             std::size_t operand);

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
