#pragma once

#include "examples/jacobian_inspect/subjects.h"

namespace nabla::jacobian_inspect {

/// A multilayer perceptron 2-64-64-64-2 that is trained on eight normal distributions around a circle.
Subject plane_subject(const Options& options, const Tensor& key);

}  // namespace nabla::jacobian_inspect
