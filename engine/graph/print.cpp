#include "engine/graph/print.h"

#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/tensor/type_text.h"

namespace nabla {
namespace {

std::string call_text(const Node& node) {
  std::string text(node.primitive().name());
  const std::string attributes = node.primitive().describe(node.attributes());
  if (!attributes.empty()) text += "{" + attributes + "}";
  return text;
}

}  // namespace

std::string to_text(std::span<const Tensor> outputs) {
  NodeMap number;
  std::string text;
  int next = 0;
  for (const Node* node : nodes_behind(outputs)) {
    number.insert(node, next);
    text += "%" + std::to_string(next++) + " = " + call_text(*node) + "(";
    const auto inputs = node->inputs();
    for (std::size_t i = 0; i < inputs.size(); ++i)
      text += (i ? ", %" : "%") + std::to_string(number.find(inputs[i]));
    text += ") " + type_text(node->shape(), node->dtype()) + "\n";
  }
  return text;
}
std::string to_text(const Tensor& output) { return to_text(std::span(&output, 1)); }

std::string to_graphviz(std::span<const Tensor> outputs) {
  NodeMap number;
  std::string text = "digraph nablaflow {\n  node [shape=box, fontname=\"Helvetica\", fontsize=10];\n";
  int next = 0;
  for (const Node* node : nodes_behind(outputs)) {
    number.insert(node, next);
    const std::string name = "n" + std::to_string(next++);
    text += "  " + name + " [label=\"" + call_text(*node) + "\\n" + type_text(node->shape(), node->dtype()) +
            "\"" + (node->inputs().empty() ? ", style=rounded" : "") + "];\n";
    for (const Node* input : node->inputs())
      text += "  n" + std::to_string(number.find(input)) + " -> " + name + ";\n";
  }
  for (const Tensor& output : outputs)
    text += "  n" + std::to_string(number.find(&output.node())) + " [penwidth=2];\n";
  return text + "}\n";
}
std::string to_graphviz(const Tensor& output) { return to_graphviz(std::span(&output, 1)); }

}  // namespace nabla
