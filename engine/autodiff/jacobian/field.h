#pragma once

#include <functional>
#include <source_location>

#include "engine/tensor/tensor.h"

namespace nabla {

/// A function of one tensor. A sample-wise field maps samples [B, *S] to [B, *S'] row by row.
using Field = std::function<Tensor(const Tensor&)>;

/// A field at a variable: what derivatives are built on, before the argument is put in.
struct FieldOnVariable {
  Tensor argument;
  Tensor x;  ///< a variable with the argument's shape and type
  Tensor y;  ///< the field of x

  std::int64_t samples() const { return x.shape()[0]; }
  /// Elements of a sample.
  std::int64_t extent() const { return x.shape().without_first(1).size(); }
  DType dtype() const { return x.dtype(); }

  /// J t for tangents [K, B, D] of flattened samples, of a field that keeps the shape: [K, B, D].
  Tensor times(const Tensor& tangents) const;
  /// What was built on x, at the argument.
  Tensor put_back(const Tensor& result) const;
};

/// Ties a field's argument, its variable and what was built on that together.
/// @throws Error naming `what` unless argument and result are of one floating type.
FieldOnVariable field_of(const char* what, const Tensor& argument, const Tensor& x, const Tensor& y);

/// Runs a field on a variable, which is built at the user's line `where`. @throws Error as field_of does.
FieldOnVariable on_variable(const char* what, const Field& v, const Tensor& x, std::source_location where);

/// The same for sample-wise fields. @throws Error also where the field mixes samples, and where it changes
/// the shape if that is asked for.
FieldOnVariable samplewise_on_variable(const char* what, const Field& v, const Tensor& x, bool same_shape,
                                       std::source_location where);

}  // namespace nabla
