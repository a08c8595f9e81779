#include "tests/spec/row_graph.h"

namespace nabla::spec {
namespace {

std::vector<Tensor> fresh_leaves(const std::vector<Tensor>& values) {
  std::vector<Tensor> leaves;
  for (const Tensor& value : values) leaves.push_back(value.detach());
  return leaves;
}

}  // namespace

RowArguments sample_arguments(const Spec& spec, Random& random) {
  RowArguments exact{sample_inputs(spec, random), {}, {}, {}};
  for (const std::size_t slot : differentiable_inputs(spec)) {
    exact.v.push_back(direction(random, exact.inputs[slot].shape()));
    exact.w.push_back(direction(random, exact.inputs[slot].shape()));
  }
  exact.u = direction(random, spec.build(exact.inputs).shape());
  return exact;
}

RowArguments in_f32(const Spec& spec, const RowArguments& exact) {
  RowArguments single = exact;
  single.inputs = converted(spec, exact.inputs, DType::f32);
  for (std::vector<Tensor>* dxs : {&single.v, &single.w})
    for (Tensor& dx : *dxs) dx = cast(dx, DType::f32).detach();
  single.u = cast(exact.u, spec.build(single.inputs).dtype()).detach();
  return single;
}

std::vector<Tensor> value_and_derivatives(const Spec& spec, const RowArguments& arguments) {
  const At at = at_sample(spec, fresh_leaves(arguments.inputs));
  std::vector<Tensor> outputs{at.y};
  if (at.xs.empty()) return outputs;
  const std::vector<Tensor> v = fresh_leaves(arguments.v);
  const std::vector<Tensor> w = fresh_leaves(arguments.w);
  const Tensor u = arguments.u.detach();
  const auto add = [&](const std::vector<std::optional<Tensor>>& found) {
    const std::size_t first = outputs.size();
    for (const std::optional<Tensor>& x : found)
      if (x) outputs.push_back(*x);
    return std::vector<Tensor>(outputs.begin() + static_cast<std::ptrdiff_t>(first), outputs.end());
  };
  const std::vector<Tensor> pushed = add({forward(at.y, at.xs, v)});
  const std::vector<Tensor> pulled = add(reverse(at.y, at.xs, u));
  if (!pushed.empty()) add(reverse(pushed[0], at.xs, u));
  if (!pulled.empty()) add(jvp(pulled, at.xs, w));
  return outputs;
}

}  // namespace nabla::spec
