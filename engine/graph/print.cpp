#include "engine/graph/print.h"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>

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

constexpr std::int64_t kEdge = 3;      // elements shown at either end of a long axis
constexpr std::int64_t kMaxSize = 64;  // tensors up to this size are shown whole

template <class T>
void print_element(std::ostream& stream, T value) {
  if constexpr (std::is_same_v<T, std::uint8_t>) {
    stream << static_cast<int>(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    stream << (value ? "true" : "false");
  } else {
    stream << value;
  }
}

template <class T>
void print_elements(std::ostream& stream, const T* values, const Shape& shape, int axis, bool whole) {
  if (axis == shape.rank()) return print_element(stream, *values);
  const std::int64_t step = shape.without_first(axis + 1).size();
  stream << "[";
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0) stream << ", ";
    if (!whole && i == kEdge && shape[axis] > 2 * kEdge) {
      stream << "..., ";
      i = shape[axis] - kEdge;
    }
    print_elements(stream, values + i * step, shape, axis + 1, whole);
  }
  stream << "]";
}

template <class T>
void print_tensor(std::ostream& stream, const Tensor& tensor) {
  print_elements(stream, tensor.value().data<const T>(), tensor.shape(), 0, tensor.size() <= kMaxSize);
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

std::ostream& operator<<(std::ostream& stream, const Tensor& tensor) {
  if (!tensor) return stream << "Tensor()";
  std::ostringstream text;
  text << std::setprecision(6);
  switch (tensor.dtype()) {
    case DType::f32:
      print_tensor<float>(text, tensor);
      break;
    case DType::f64:
      print_tensor<double>(text, tensor);
      break;
    case DType::i32:
      print_tensor<std::int32_t>(text, tensor);
      break;
    case DType::i64:
      print_tensor<std::int64_t>(text, tensor);
      break;
    case DType::u8:
      print_tensor<std::uint8_t>(text, tensor);
      break;
    case DType::u32:
      print_tensor<std::uint32_t>(text, tensor);
      break;
    case DType::boolean:
      print_tensor<bool>(text, tensor);
      break;
    case DType::c128:
      print_tensor<std::complex<double>>(text, tensor);
      break;
  }
  return stream << "Tensor(" << text.str() << ", shape=" << to_string(tensor.shape())
                << ", dtype=" << name_of(tensor.dtype()) << ")";
}

}  // namespace nabla
