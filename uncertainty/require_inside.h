#pragma once

#include "engine/tensor/tensor.h"

namespace nabla::uncertainty {

/// Whether t has elements: not where it depends on the variable of a transform.
bool has_elements(const Tensor& t);

/// Refuses times that are not strictly between 0 and 1. Where t depends on the variable of a transform it has
/// no elements yet and passes. @throws Error naming `what` and the time.
void require_inside(const char* what, const Tensor& t);

}  // namespace nabla::uncertainty
