#pragma once

#include "tests/spec/sample.h"

// One graph of a row with everything that transforms make of it, for whoever compares ways to run it.

namespace nabla::spec {

/// What a row's graphs are built from: inputs, and for the differentiable ones two tangents each; a
/// cotangent.
struct RowArguments {
  std::vector<Tensor> inputs, v, w;
  Tensor u;
};
/// In f64.
RowArguments sample_arguments(const Spec& spec, Random& random);
/// The same numbers for a row that knows f32.
RowArguments in_f32(const Spec& spec, const RowArguments& exact);

/// Value, both first derivatives and two second ones, on leaves of their own, so that no node has a value
/// yet.
std::vector<Tensor> value_and_derivatives(const Spec& spec, const RowArguments& arguments);

}  // namespace nabla::spec
