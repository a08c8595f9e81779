#include <algorithm>

#include "engine/graph/walk.h"
#include "engine/ops/contract.h"
#include "tests/spec/checks.h"

// What the graphs of derivatives look like.

namespace nabla::spec {
namespace {

bool is_primitive(const Node* node, std::string_view name) { return node->primitive().name() == name; }

// Promotion and broadcasting show the same elements under another shape: a copy of the primal would hide
// behind them.
const Node* stripped(const Node* node) {
  while (is_primitive(node, "insert_axes") || is_primitive(node, "broadcast")) node = node->inputs()[0];
  return node;
}

bool same_application(const Node* a, const Node* b) {
  return &a->primitive() == &b->primitive() &&
         std::equal(a->inputs().begin(), a->inputs().end(), b->inputs().begin(), b->inputs().end(),
                    [](const Node* x, const Node* y) { return stripped(x) == stripped(y); });
}

}  // namespace

Failures check_use(const Spec& spec) {
  Random random = random_for(spec, 50);
  const Tensor y = spec.build(sample_inputs(spec, random));
  for (const Node* node : nodes_behind(y))
    if (is_primitive(node, spec.primitive)) return {};
  return {"the builder does not use " + spec.primitive + ":\n" + to_text(y)};
}

Failures check_sharing(const Spec& spec) {
  Failures failures;
  if (spec.nondifferentiable) return failures;
  Random random = random_for(spec, 51);
  const At at = at_sample(spec, sample_inputs(spec, random));
  std::vector<const Node*> primal;
  for (const Node* node : nodes_behind(std::span(&at.y, 1), at.xs))
    if (is_primitive(node, spec.primitive) && stripped(node) == node && !node->inputs().empty())
      primal.push_back(node);  // sources and promotions cost nothing and may be repeated

  std::vector<Tensor> tangents;
  for (const Tensor& x : at.xs) tangents.push_back(direction(random, concatenate(Shape{2}, x.shape())));
  const Tensor ct = direction(random, concatenate(Shape{3}, at.y.shape()));
  std::vector<Tensor> graph{at.y};
  const auto pushed = forward(at.y, at.xs, tangents);
  if (pushed) graph.push_back(*pushed);
  for (const auto& pulled : reverse(at.y, at.xs, ct))
    if (pulled) graph.push_back(*pulled);
  if (pushed)
    for (const auto& pulled : reverse(*pushed, at.xs, direction(random, pushed->shape())))
      if (pulled) graph.push_back(*pulled);

  const std::vector<const Node*> nodes = nodes_behind(graph);
  for (const Node* node : primal) {
    const auto copies = std::count_if(nodes.begin(), nodes.end(),
                                      [&](const Node* other) { return same_application(node, other); });
    if (copies != 1)
      failures.push_back("the primal appears " + std::to_string(copies) + " times in:\n" + to_text(graph));
  }
  return failures;
}

Failures check_definition(const Spec& spec) {
  Failures failures;
  Random random = random_for(spec, 52);
  const At at = at_sample(spec, sample_inputs(spec, random));
  for (const Node* node : nodes_behind(at.y)) {
    const auto* composite = dynamic_cast<const CompositePrimitive*>(&node->primitive());
    if (!composite || !is_primitive(node, spec.primitive)) continue;
    const Tensor fused(const_cast<Node*>(node));
    std::vector<Tensor> inputs;
    for (Node* input : node->inputs()) inputs.push_back(Tensor(input).detach());
    const Tensor y = apply(*composite, inputs, node->attributes());
    const std::optional<Tensor> definition = composite->definition(inputs, node->attributes());
    if (!definition || inputs[0].size() == 0) continue;  // log of a sum of nothing has no derivative
    expect_close(failures, "value against the definition", y, *definition, 1e-13);
    std::vector<Tensor> dxs;
    for (const Tensor& x : inputs) dxs.push_back(direction(random, x.shape()));
    expect_close(failures, "jvp against the definition", forward(y, inputs, dxs),
                 forward(*definition, inputs, dxs), 1e-12);
    const Tensor u = direction(random, y.shape());
    const auto pulled = reverse(y, inputs, u);
    const auto expected = reverse(*definition, inputs, u);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      expect_close(failures, "vjp against the definition", pulled[i], expected[i], 1e-12);
  }
  return failures;
}

}  // namespace nabla::spec
