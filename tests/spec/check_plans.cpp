#include "engine/graph/node.h"
#include "tests/spec/checks.h"
#include "tests/spec/plan_reference.h"

namespace nabla::spec {
namespace {

// What a row's graphs are built from.
struct Arguments {
  std::vector<Tensor> inputs, v, w;
  Tensor u;
};

std::vector<Tensor> fresh(const std::vector<Tensor>& values) {
  std::vector<Tensor> leaves;
  for (const Tensor& value : values) leaves.push_back(value.detach());
  return leaves;
}

// Value, both first derivatives and two second ones, on leaves of their own, so that no node has a value yet.
std::vector<Tensor> build(const Spec& spec, const Arguments& arguments) {
  const At at = at_sample(spec, fresh(arguments.inputs));
  std::vector<Tensor> outputs{at.y};
  if (at.xs.empty()) return outputs;
  const std::vector<Tensor> v = fresh(arguments.v);
  const std::vector<Tensor> w = fresh(arguments.w);
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

class PlanCheck {
 public:
  PlanCheck(const Spec& spec, Arguments arguments, const std::string& label)
      : spec_(spec), arguments_(std::move(arguments)), label_(label) {}

  Failures run(Random& random) {
    // Only values are left of this graph: a node that the next graph shares would be a leaf there.
    operations_ = expected_values(operations_behind(build(spec_, arguments_)));
    all_at_once();
    last_alone();
    if (!operations_.empty()) one_held(random() % operations_.size());
    return failures_;
  }

 private:
  // The outputs that have no value, with their places among the operations.
  struct Graph {
    std::vector<Tensor> outputs;
    std::vector<std::size_t> places;
    Tensor held;
  };
  Graph build_again(std::size_t held = 0) {
    Graph graph;
    const std::vector<Tensor> all = build(spec_, arguments_);
    const std::vector<Tensor> operations = operations_behind(all);
    if (operations.size() != operations_.size()) throw Error("the graph is another when it is built again");
    for (const Tensor& output : all)
      for (std::size_t i = 0; i < operations.size(); ++i)
        if (same(output, operations[i])) {
          graph.outputs.push_back(output);
          graph.places.push_back(i);
        }
    if (!operations.empty()) graph.held = operations[held];
    return graph;
  }

  void expect(const std::string& what, const Tensor& got, std::size_t place) {
    expect_value(failures_, label_ + what, got, operations_[place]);
  }

  void all_at_once() {
    Graph graph = build_again();
    graph.held = {};
    evaluate_checked(failures_, label_ + "all at once", graph.outputs);
    for (std::size_t i = 0; i < graph.outputs.size(); ++i)
      expect("output " + std::to_string(i), graph.outputs[i], graph.places[i]);
  }

  void last_alone() {
    Graph graph = build_again();
    if (graph.outputs.empty()) return;
    graph.held = {};
    graph.outputs = {graph.outputs.back()};
    evaluate_checked(failures_, label_ + "last output alone", graph.outputs);
    expect("last output alone", graph.outputs[0], graph.places.back());
  }

  // What a handle holds on the way is right as well.
  void one_held(std::size_t which) {
    Graph graph = build_again(which);
    if (graph.outputs.empty()) return;
    graph.outputs = {graph.outputs.back()};
    evaluate_checked(failures_, label_ + "with one held", graph.outputs);
    expect("last output, with one held", graph.outputs[0], graph.places.back());
    expect("what was held", graph.held, which);
  }

  const Spec& spec_;
  Arguments arguments_;
  std::string label_;
  std::vector<Expected> operations_;
  Failures failures_;
};

}  // namespace

Failures check_plans(const Spec& spec) {
  Random random = random_for(spec, 70);
  Arguments exact{sample_inputs(spec, random), {}, {}, {}};
  for (const std::size_t slot : differentiable_inputs(spec)) {
    exact.v.push_back(direction(random, exact.inputs[slot].shape()));
    exact.w.push_back(direction(random, exact.inputs[slot].shape()));
  }
  exact.u = direction(random, spec.build(exact.inputs).shape());
  Failures failures = PlanCheck(spec, exact, "f64: ").run(random);
  if (!spec.f32) return failures;
  Arguments single = exact;
  single.inputs = converted(spec, exact.inputs, DType::f32);
  for (std::vector<Tensor>* dxs : {&single.v, &single.w})
    for (Tensor& dx : *dxs) dx = cast(dx, DType::f32).detach();
  single.u = cast(exact.u, spec.build(single.inputs).dtype()).detach();
  for (const std::string& failure : PlanCheck(spec, single, "f32: ").run(random)) failures.push_back(failure);
  return failures;
}

}  // namespace nabla::spec
