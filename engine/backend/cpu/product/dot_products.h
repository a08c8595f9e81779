#pragma once

#include "engine/backend/contraction_axes.h"

namespace nabla::cpu {

/// Few results from long sums: products and sums side by side, at the speed of memory.
template <class T>
void by_dot_products(const ContractionRoles& roles, const T* a, const T* b, T* c);

/// Products without a sum: every row of the result is a row of b times one element of a. The columns of b
/// and c must be dense.
template <class T>
void by_scaled_rows(const ContractionRoles& roles, const T* a, const T* b, T* c);

}  // namespace nabla::cpu
