#pragma once

#include <span>

#include "engine/graph/attributes.h"
#include "engine/graph/primitive.h"
#include "engine/tensor/dtype.h"
#include "engine/tensor/layout.h"

namespace nabla {

/// One step of a plan that is not a tile program, as a backend prepares it: which primitive, and where its
/// operands' elements lie. The output is dense, or each of its parts is (Primitive::parts).
struct StepDescription {
  const Primitive* primitive;  ///< null: copy the input, of the output's shape, to dense elements
  std::span<const Layout> inputs;
  std::span<const DType> input_types;
  const Layout& output;
  DType output_type;
  const Attributes& attributes;
  /// Extents along the last axis of the output where its parts are written apart, as outputs of their own.
  std::span<const std::int64_t> parts = {};
};

}  // namespace nabla
