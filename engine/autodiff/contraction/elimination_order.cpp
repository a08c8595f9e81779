#include "engine/autodiff/contraction/elimination_order.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "engine/autodiff/contraction/elimination_algebra.h"
#include "engine/autodiff/contraction/graded_elimination.h"
#include "engine/autodiff/contraction/vertex_cut.h"

namespace nabla {
namespace {

constexpr std::size_t kMostSearchedExactly = 11;
constexpr std::size_t kMostSearched = 40;
// States that a beam looks at in all; it is the narrower the more vertices there are.
constexpr std::size_t kStates = 20000;
// Structures whose orders are kept; a program whose networks never recur must not collect them for ever.
constexpr std::size_t kMostOrders = 256;

using CountingAlgebra = EliminationAlgebra<CountedValues>;
using Elimination = GradedElimination<CountingAlgebra>;

Elimination start(const EliminationGraph& graph, CountingAlgebra& algebra) {
  Elimination elimination(graph.argument, graph.result, graph.goal != EliminationGoal::whole);
  for (const EliminationGraph::Edge& edge : graph.edges)
    elimination.add_edge(edge.from, edge.to, edge.terms, algebra);
  return elimination;
}

struct State {
  explicit State(const EliminationGraph& from) : algebra({}, from.goal), graph(start(from, algebra)) {}

  CountingAlgebra algebra;
  Elimination graph;
  std::vector<int> order = {};

  const EliminationCost& cost() const { return algebra.values().cost; }
};

void eliminate(State& state, int vertex) {
  state.graph.eliminate(vertex, state.algebra);
  state.order.push_back(vertex);
}

State after(const State& state, int vertex) {
  State next = state;
  eliminate(next, vertex);
  return next;
}

bool is_cheap(const CountedMap& map) { return !is_dense(map); }

// Vertices that hand on what a single edge brings or takes, scaled or up to few outer products, cost next to
// nothing in any order, and neither do those so narrow that all products through them stay outer products.
bool is_trivial(const Elimination& graph, int vertex, std::int64_t size) {
  int in = 0, out = 0;
  bool in_cheap = true, out_cheap = true;
  std::int64_t narrowest = std::numeric_limits<std::int64_t>::max();
  graph.for_each_edge_at(vertex, [&](int from, int to, const std::vector<CountedMap>& terms) {
    const bool cheap = std::ranges::all_of(terms, is_cheap);
    if (to == vertex) ++in, in_cheap = in_cheap && cheap, narrowest = std::min(narrowest, terms[0].columns);
    if (from == vertex) ++out, out_cheap = out_cheap && cheap, narrowest = std::min(narrowest, terms[0].rows);
  });
  return (in <= 1 && in_cheap) || (out <= 1 && out_cheap) ||
         (size <= 4 && stays_low_rank(size, narrowest, narrowest, true));
}

void eliminate_trivial(State& state, std::set<int>& left, const std::vector<std::int64_t>& sizes) {
  // Only what lies beside an eliminated vertex may have become trivial.
  for (std::set<int> asked = left; !asked.empty();) {
    const int vertex = asked.extract(asked.begin()).value();
    if (!is_trivial(state.graph, vertex, sizes[vertex])) continue;
    left.erase(vertex);
    state.graph.for_each_edge_at(vertex, [&](int from, int to, const std::vector<CountedMap>&) {
      const int beside = from == vertex ? to : from;
      if (left.contains(beside)) asked.insert(beside);
    });
    eliminate(state, vertex);
  }
}

State search(const State& from, const std::set<int>& left, std::int64_t samples) {
  const std::vector<int> vertices(left.begin(), left.end());
  const bool exact = vertices.size() <= kMostSearchedExactly;
  const std::size_t beam =
      std::clamp<std::size_t>(kStates / std::max<std::size_t>(1, vertices.size() * vertices.size()), 2, 64);
  std::map<std::vector<bool>, State> layer{{std::vector<bool>(vertices.size(), false), from}};
  for (std::size_t count = 0; count < vertices.size(); ++count) {
    std::map<std::vector<bool>, State> next;
    for (const auto& [gone, state] : layer)
      for (std::size_t i = 0; i < vertices.size(); ++i) {
        if (gone[i]) continue;
        std::vector<bool> then = gone;
        then[i] = true;
        State reached = after(state, vertices[i]);
        const auto at = next.find(then);
        if (at == next.end())
          next.emplace(std::move(then), std::move(reached));
        else if (reached.cost().total(samples) < at->second.cost().total(samples))
          at->second = std::move(reached);
      }
    if (!exact && next.size() > beam) {
      std::vector<std::pair<double, std::vector<bool>>> costs;
      for (const auto& [gone, state] : next) costs.emplace_back(state.cost().total(samples), gone);
      std::ranges::sort(costs);
      for (std::size_t i = beam; i < costs.size(); ++i) next.erase(costs[i].second);
    }
    layer = std::move(next);
  }
  return layer.begin()->second;
}

// The vertices that are eliminated, upwards: forward mode around what stays or comes last.
std::vector<int> upwards(const EliminationGraph& graph) {
  std::vector<int> order;
  for (int vertex = 0; vertex < static_cast<int>(graph.sizes.size()); ++vertex)
    if (vertex != graph.result && vertex != graph.argument) order.push_back(vertex);
  if (graph.goal == EliminationGoal::trace) order.push_back(graph.argument);
  return order;
}

}  // namespace

EliminationGraph without_trivial_vertices(const EliminationGraph& graph) {
  EliminationGraph open = graph;
  open.goal = EliminationGoal::whole;
  State state(open);
  const std::vector<int> vertices = upwards(open);
  std::set<int> left(vertices.begin(), vertices.end());
  eliminate_trivial(state, left, graph.sizes);
  EliminationGraph simple{graph.sizes, {}, graph.argument, graph.result, graph.goal, graph.samples};
  state.graph.for_each_edge([&](int from, int to, int, const std::vector<CountedMap>& terms) {
    simple.edges.push_back({from, to, terms});
  });
  return simple;
}

namespace {

// The narrowest cut of a graph without trivial vertices. What leads from the argument to the result in one
// step without a matrix is left out: tr(D + GH) = tr D + tr GH.
std::vector<int> cut_of(const EliminationGraph& simple) {
  std::vector<std::pair<int, int>> edges;
  for (const EliminationGraph::Edge& edge : simple.edges)
    if (edge.from != simple.argument || edge.to != simple.result ||
        !std::ranges::all_of(edge.terms, is_cheap))
      edges.emplace_back(edge.from, edge.to);
  return narrowest_cut(simple.sizes, edges, simple.argument, simple.result);
}

// The vertices of `left` upwards from a cut, around by the argument, and the cut itself last.
std::vector<int> upwards_from(const EliminationGraph& simple, const std::vector<int>& cut,
                              const std::set<int>& left) {
  std::vector<bool> above(simple.sizes.size(), false);
  for (const int vertex : cut) above[vertex] = true;
  for (bool found = true; found;) {
    found = false;
    for (const EliminationGraph::Edge& edge : simple.edges) {
      if (!above[edge.from] || above[edge.to]) continue;
      above[edge.to] = found = true;
    }
  }
  // What is above the cut first, then the argument, then what is below; a cut by the argument is forward
  // mode.
  std::vector<int> order(left.begin(), left.end());
  std::ranges::stable_sort(order, {}, [&](int vertex) {
    if (std::ranges::binary_search(cut, vertex)) return 3;
    if (vertex == simple.argument) return 1;
    return above[vertex] ? 0 : 2;
  });
  return order;
}

std::vector<EliminationOrder> searched_orders(const EliminationGraph& graph) {
  std::vector<EliminationOrder> orders;
  const State all(graph);
  const auto add = [&](std::string name, const std::vector<int>& order) {
    State state = all;
    for (const int vertex : order) state.graph.eliminate(vertex, state.algebra);
    if (graph.goal == EliminationGoal::whole)
      state.graph.for_each_edge(
          [&](int, int, int, const std::vector<CountedMap>& terms) { state.algebra.form(terms); });
    orders.push_back({std::move(name), false, order, state.cost()});
  };
  // The argument is pushed up from vertex to vertex, or the result pulled down.
  std::vector<int> forward = upwards(graph);
  State state = all;
  std::set<int> left(forward.begin(), forward.end());
  eliminate_trivial(state, left, graph.sizes);
  if (left.size() <= kMostSearched) add("searched", search(state, left, graph.samples).order);
  add("forward", forward);
  std::ranges::reverse(forward);
  add("reverse", forward);
  const EliminationGraph simple = without_trivial_vertices(graph);
  const std::vector<int> cut = cut_of(simple);
  std::int64_t width = 0;
  for (const int vertex : cut) width += graph.sizes[vertex];
  std::vector<int> from_cut = state.order;
  std::ranges::copy(upwards_from(simple, cut, left), std::back_inserter(from_cut));
  add("cut at " + std::to_string(width), from_cut);
  orders.back().is_cut = true;
  std::ranges::stable_sort(orders, {},
                           [&](const EliminationOrder& order) { return order.cost.total(graph.samples); });
  return orders;
}

// Everything that an order depends on.
std::vector<std::int64_t> key_of(const EliminationGraph& graph) {
  std::vector<std::int64_t> key{static_cast<std::int64_t>(graph.goal), graph.argument, graph.result,
                                graph.samples};
  key.insert(key.end(), graph.sizes.begin(), graph.sizes.end());
  for (const EliminationGraph::Edge& edge : graph.edges) {
    key.insert(key.end(), {edge.from, edge.to, static_cast<std::int64_t>(edge.terms.size())});
    for (const CountedMap& map : edge.terms) {
      key.insert(key.end(), {static_cast<std::int64_t>(map.kind), map.rows, map.columns,
                             static_cast<std::int64_t>(map.function)});
      for (const std::optional<CountedValue>& value : {map.left, map.matrix, map.right})
        if (value)
          key.insert(key.end(), {value->rows, value->columns, value->varies});
        else
          key.push_back(-1);
    }
  }
  return key;
}

}  // namespace

std::vector<EliminationOrder> elimination_orders(const EliminationGraph& graph) {
  static std::mutex& mutex = *new std::mutex;
  static auto& cache = *new std::map<std::vector<std::int64_t>, std::vector<EliminationOrder>>;
  const std::vector<std::int64_t> key = key_of(graph);
  {
    const std::lock_guard lock(mutex);
    if (const auto found = cache.find(key); found != cache.end()) return found->second;
  }
  std::vector<EliminationOrder> orders = searched_orders(graph);
  const std::lock_guard lock(mutex);
  if (cache.size() >= kMostOrders) cache.clear();
  cache.emplace(key, orders);
  return orders;
}

}  // namespace nabla
