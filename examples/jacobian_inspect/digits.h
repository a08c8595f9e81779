#pragma once

#include <vector>

#include "examples/jacobian_inspect/subjects.h"

namespace nabla::jacobian_inspect {

/// The network of the digits, from a checkpoint or trained here, and the exact field of its training digits.
/// @throws Error as make_subjects does.
std::vector<Subject> digit_subjects(const Options& options, const Tensor& key);

}  // namespace nabla::jacobian_inspect
