#pragma once

#include <span>
#include <string>

#include "engine/tensor/tensor.h"

namespace nabla {

/// The graph behind `outputs` as text, one node a line, inputs before users:
///   %2 = mul(%0, %1) [3] f32
std::string to_text(std::span<const Tensor> outputs);
std::string to_text(const Tensor& output);

/// The same graph in Graphviz's language: `dot -Tsvg`.
std::string to_graphviz(std::span<const Tensor> outputs);
std::string to_graphviz(const Tensor& output);

}  // namespace nabla
