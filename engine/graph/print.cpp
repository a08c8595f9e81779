#include "engine/graph/print.h"

#include <algorithm>

#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"

namespace nabla {
namespace {

std::string type_text(const Node& node) {
  return to_string(node.shape()) + " " + std::string(name_of(node.dtype()));
}

std::string call_text(const Node& node) {
  std::string text(node.primitive().name());
  const std::string attributes = node.primitive().describe(node.attributes());
  if (!attributes.empty()) text += "{" + attributes + "}";
  return text;
}

}  // namespace

std::vector<const Node*> nodes_behind(std::span<const Tensor> outputs, std::span<const Tensor> stop) {
  NodeMap seen;
  for (const Tensor& tensor : stop) seen.insert(&tensor.node(), 0);
  std::vector<const Node*> nodes;
  const auto reach = [&](const Node* node) {
    if (seen.insert(node, 0)) nodes.push_back(node);
  };
  for (const Tensor& output : outputs) reach(&output.node());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const Node* input : nodes[i]->inputs()) reach(input);
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->id() < b->id(); });
  return nodes;
}

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
    text += ") " + type_text(*node) + "\n";
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
    text += "  " + name + " [label=\"" + call_text(*node) + "\\n" + type_text(*node) + "\"" +
            (node->inputs().empty() ? ", style=rounded" : "") + "];\n";
    for (const Node* input : node->inputs())
      text += "  n" + std::to_string(number.find(input)) + " -> " + name + ";\n";
  }
  for (const Tensor& output : outputs)
    text += "  n" + std::to_string(number.find(&output.node())) + " [penwidth=2];\n";
  return text + "}\n";
}
std::string to_graphviz(const Tensor& output) { return to_graphviz(std::span(&output, 1)); }

}  // namespace nabla
