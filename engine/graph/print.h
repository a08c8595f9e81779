#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// The graph behind `outputs` as text, one node a line, inputs before users:
///   %2 = mul(%0, %1) [3] f32
std::string to_text(std::span<const Tensor> outputs);
std::string to_text(const Tensor& output);

/// The same graph in Graphviz's language: `dot -Tsvg`.
std::string to_graphviz(std::span<const Tensor> outputs);
std::string to_graphviz(const Tensor& output);

/// Nodes behind `outputs`, each once, inputs before users; `stop` ends the walk (they are not included).
std::vector<const Node*> nodes_behind(std::span<const Tensor> outputs, std::span<const Tensor> stop = {});

}  // namespace nabla
