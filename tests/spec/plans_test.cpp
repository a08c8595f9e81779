#include <doctest/doctest.h>

#include "engine/backend/threads.h"
#include "engine/graph/node.h"
#include "engine/plan/canonical/canonical.h"
#include "engine/plan/plan.h"
#include "engine/plan/programs/group_order.h"
#include "tests/spec/plan_reference.h"
#include "tests/spec/program.h"
#include "tests/spec/program_plan.h"

// Random programs of what planning looks at, against the plan with every optimisation off.

namespace nabla::spec {
namespace {

struct Settings {
  std::uint64_t seed;
  ProgramSize size;
  DType dtype;
};

std::vector<Tensor> fresh(const std::vector<Tensor>& values) {
  std::vector<Tensor> leaves;
  for (const Tensor& value : values) leaves.push_back(value.detach());
  return leaves;
}

// The same shapes with other elements.
std::vector<Tensor> others(const std::vector<Tensor>& leaves) {
  std::vector<Tensor> made;
  for (const Tensor& x : leaves) made.push_back((nabla::sin(x * 3) + 0.25).detach());
  return made;
}

std::string named(const Settings& s) {
  return "seed " + std::to_string(s.seed) + " " + std::string(name_of(s.dtype)) +
         (s.size == ProgramSize::large ? " large: " : ": ");
}

class ProgramCheck {
 public:
  explicit ProgramCheck(const Settings& s)
      : s_(s), name_(named(s)), leaves_(plan_program_leaves(s.seed, s.size, s.dtype)) {}

  Failures run() {
    expected_ = expected_values(operations_behind(plan_program(s_.seed, s_.size, fresh(leaves_))));
    optimised(false);
    optimised(true);
    if (s_.size == ProgramSize::large) other_threads();
    replay();
    return failures_;
  }

 private:
  struct Graph {
    std::vector<Tensor> outputs;
    std::vector<std::size_t> places;  // among the operations
    std::vector<Tensor> held;
  };
  Graph build(const std::vector<Tensor>& leaves, bool hold) {
    Graph graph;
    const std::vector<Tensor> all = plan_program(s_.seed, s_.size, leaves);
    const std::vector<Tensor> operations = operations_behind(all);
    if (operations.size() != expected_.size()) throw Error("the program is another when it is built again");
    for (const Tensor& output : all)
      for (std::size_t i = 0; i < operations.size(); ++i)
        if (same(output, operations[i])) {
          graph.outputs.push_back(output);
          graph.places.push_back(i);
        }
    Random random(s_.seed);
    if (hold)
      for (const Tensor& operation : operations)
        graph.held.push_back(random() % 4 == 0 ? operation : Tensor());
    return graph;
  }

  void optimised(bool hold) {
    Graph graph = build(fresh(leaves_), hold);
    evaluate_checked(failures_, name_ + (hold ? "some held" : "none held"), graph.outputs);
    for (std::size_t i = 0; i < graph.outputs.size(); ++i)
      expect_value(failures_, name_ + "output " + std::to_string(i), graph.outputs[i],
                   expected_[graph.places[i]]);
    for (std::size_t i = 0; i < graph.held.size(); ++i)
      if (graph.held[i].defined())
        expect_value(failures_, name_ + "held " + std::to_string(i), graph.held[i], expected_[i]);
    if (!hold) results_ = fresh(graph.outputs);
  }

  void expect_bits(const std::string& what, const std::vector<Tensor>& got) {
    for (std::size_t i = 0; i < got.size(); ++i)
      if (!same_bits(got[i], results_[i]))
        failures_.push_back(name_ + what + ", output " + std::to_string(i));
  }

  void other_threads() {
    const int before = thread_count();
    for (const int count : {1, 2, 3}) {
      set_thread_count(count);
      const Graph graph = build(fresh(leaves_), false);
      evaluate(graph.outputs);
      expect_bits(std::to_string(count) + " threads give other bits", graph.outputs);
    }
    set_thread_count(before);
  }

  // The plan for some leaves, run on others, and again on the first.
  void replay() {
    const std::vector<Tensor> others = spec::others(leaves_);
    std::vector<Tensor> placed = fresh(leaves_);
    const Graph graph = build(placed, false);
    if (graph.outputs.empty()) return;
    const PlannedGraph planned = make_plan(graph.outputs);
    const auto run_on = [&](const std::vector<Tensor>& leaves) {
      std::vector<Array> arrays;
      for (const Tensor& leaf : planned.leaves) {
        arrays.push_back(leaf.value());
        for (std::size_t i = 0; i < placed.size(); ++i)
          if (same(leaf, placed[i])) arrays.back() = leaves[i].value();
      }
      std::vector<Tensor> results;
      const std::vector<Array> found = planned.plan->run(arrays);
      for (std::size_t i = 0; i < graph.outputs.size(); ++i) results.push_back(leaf(found[i]));
      return results;
    };
    const std::vector<Tensor> replayed = run_on(others);
    expect_bits("a replay gives other bits", run_on(leaves_));
    clear_plan_cache();
    const Graph again = build(fresh(others), false);
    evaluate(again.outputs);
    results_ = fresh(again.outputs);
    expect_bits("a replay on other leaves is not what a fresh plan gives", replayed);
  }

  Settings s_;
  std::string name_;
  std::vector<Tensor> leaves_;
  std::vector<Expected> expected_;
  std::vector<Tensor> results_;
  Failures failures_;
};

// The most bytes of values that some group still has to read, by the order of the groups alone. A program
// over few elements counts for nothing, like a view.
std::int64_t peak_of(const PlanGraph& graph, const PlanGroups& groups) {
  std::vector<std::size_t> owner, made(graph.nodes.size(), 0), last(graph.nodes.size(), 0);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const PlanNode& node = graph.nodes[i];
    const bool is_view =
        !node.inputs.empty() &&
        node.primitive->view(Layout::dense(graph[node.inputs[0]].shape), node.shape, node.attributes);
    owner.push_back(is_view ? owner[node.inputs[0]] : i);
  }
  std::vector<bool> counts(graph.nodes.size(), false);
  for (std::size_t g = 0; g < groups.groups.size(); ++g) {
    const PlanGroup& group = groups.groups[g];
    for (const int node : group.nodes) made[node] = g;
    const std::size_t first = group.nodes[0];
    if (owner[first] != first || (group.is_program && graph.nodes[first].shape.size() <= 64)) continue;
    for (const int node : group.nodes)
      for (const int input : graph[node].inputs) {
        const int base = groups.source(group, input);
        const std::size_t from = owner[base];
        const PlanNode& read = graph.nodes[from];
        if (read.is_leaf() || read.primitive->is_uniform() || group.contains(static_cast<int>(from)) ||
            group.contains(base))
          continue;
        const PlanGroup& maker = groups.groups[made[from]];
        if (maker.is_program && graph[maker.nodes[0]].shape.size() <= 64) continue;
        counts[from] = true;
        last[from] = g;
      }
  }
  const auto stays = [&](int node) { counts[owner[node]] = false; };
  for (const int output : graph.outputs) stays(output);
  for (const PlanGraph::Held& held : graph.held) stays(held.node);
  std::vector<std::int64_t> change(groups.groups.size() + 1, 0);
  for (std::size_t i = 0; i < owner.size(); ++i) {
    if (!counts[i]) continue;
    const std::int64_t bytes =
        graph.nodes[i].shape.size() * static_cast<std::int64_t>(size_of(graph.nodes[i].dtype));
    change[made[i]] += bytes;
    change[last[i] + 1] -= bytes;
  }
  std::int64_t live = 0, peak = 0;
  for (const std::int64_t bytes : change) peak = std::max(peak, live += bytes);
  return peak;
}

void check_programs(std::uint64_t count, ProgramSize size) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + count; ++seed)
    for (const DType dtype : {DType::f64, DType::f32})
      for (const std::string& failure : ProgramCheck({seed, size, dtype}).run()) FAIL_CHECK(failure);
}

}  // namespace

TEST_CASE("optimised plans of random programs give what the plan without optimisations gives") {
  check_programs(program_count(), ProgramSize::small);
}

TEST_CASE("optimised plans of large random programs do as well, for any number of threads") {
  check_programs(program_count() / 20, ProgramSize::large);
}

TEST_CASE("groups that give memory back run early, and never take more for it") {
  // In the first, taking the best of what is ready takes more in the end than the order of building does.
  // In the second, a value of few elements must not be given back without having been taken.
  std::vector<std::uint64_t> seeds{2048, 4085};
  for (std::uint64_t i = 0; i < program_count() / 4; ++i) seeds.push_back(first_seed() + i);
  std::int64_t saved = 0;
  for (const std::uint64_t seed : seeds) {
    INFO("seed ", seed);
    const std::vector<Tensor> outputs =
        plan_program(seed, ProgramSize::large, plan_program_leaves(seed, ProgramSize::large, DType::f64));
    const PlanGraph graph = canonical(make_plan_graph(make_schedule(outputs), outputs));
    const PlanGroups early = group_nodes(graph, true);
    std::vector<int> group_of(graph.nodes.size(), -1);
    for (std::size_t g = 0; g < early.groups.size(); ++g)
      for (const int node : early.groups[g].nodes) group_of[node] = static_cast<int>(g);
    PlanGroups built = early;
    order_groups(graph, group_of, built, false);
    CHECK(peak_of(graph, early) <= peak_of(graph, built));
    saved += peak_of(graph, built) - peak_of(graph, early);
  }
  CHECK(saved > 0);
}

}  // namespace nabla::spec
