#include "engine/graph/node.h"
#include "tests/spec/checks.h"
#include "tests/spec/plan_reference.h"
#include "tests/spec/row_graph.h"

namespace nabla::spec {
namespace {

class PlanCheck {
 public:
  PlanCheck(const Spec& spec, RowArguments arguments, const std::string& label)
      : spec_(spec), arguments_(std::move(arguments)), label_(label) {}

  Failures run(Random& random) {
    // Only values are left of this graph: a node that the next graph shares would be a leaf there.
    operations_ = expected_values(operations_behind(value_and_derivatives(spec_, arguments_)));
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
    const std::vector<Tensor> all = value_and_derivatives(spec_, arguments_);
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
  RowArguments arguments_;
  std::string label_;
  std::vector<Expected> operations_;
  Failures failures_;
};

}  // namespace

Failures check_plans(const Spec& spec) {
  Random random = random_for(spec, 70);
  const RowArguments exact = sample_arguments(spec, random);
  Failures failures = PlanCheck(spec, exact, "f64: ").run(random);
  if (!spec.f32) return failures;
  for (const std::string& failure : PlanCheck(spec, in_f32(spec, exact), "f32: ").run(random))
    failures.push_back(failure);
  return failures;
}

}  // namespace nabla::spec
