#include "engine/autodiff/elimination_order.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "engine/autodiff/graded_elimination.h"

namespace nabla {
namespace {

constexpr std::size_t kMostSearchedExactly = 11;
constexpr std::size_t kMostSearched = 40;
// States that a beam looks at in all; it is the narrower the more vertices there are.
constexpr std::size_t kStates = 20000;
// Structures whose orders are kept; a program whose networks never recur must not collect them for ever.
constexpr std::size_t kMostKept = 256;
// An operation on each element of a matrix moves it through memory; this many of a product take that time.
constexpr double kElementwise = 8;

// The arithmetic of linear_map.cpp on forms alone, counted.
struct CountingAlgebra {
  using Edge = std::vector<MapForm>;
  EliminationCost cost;

  MapForm multiply(const MapForm& second, const MapForm& first) {
    if (second.kind == MapKind::diagonal || first.kind == MapKind::diagonal) {
      MapForm result = second.kind == MapKind::diagonal ? first : second;
      const bool scales = (second.kind == MapKind::diagonal ? second : first).scaled_left;
      if (result.kind == MapKind::diagonal || second.kind == MapKind::diagonal)
        result.scaled_left = result.scaled_left || scales;
      else
        result.scaled_right = result.scaled_right || scales;
      cost.per_sample += scales ? static_cast<double>(result.rows) : 0;
      return result;
    }
    MapForm result{MapKind::shared, second.rows, first.columns, second.scaled_left, first.scaled_right};
    const double operations = 2.0 * static_cast<double>(second.rows) * static_cast<double>(second.columns) *
                              static_cast<double>(first.columns);
    const bool is_scaled = second.scaled_right || first.scaled_left;
    if (second.kind == MapKind::shared && first.kind == MapKind::shared && !is_scaled) {
      cost.once += operations;
      return result;
    }
    result.kind = MapKind::per_sample;
    const double made = static_cast<double>(result.rows) * static_cast<double>(result.columns);
    const double scaled =
        is_scaled ? static_cast<double>(second.rows) * static_cast<double>(second.columns) : 0;
    cost.per_sample += operations + kElementwise * (made + scaled);
    cost.elements = std::max(cost.elements, made + scaled);
    return result;
  }
  Edge multiply(const Edge& second, const Edge& first) {
    Edge result;
    for (const MapForm& s : second)
      for (const MapForm& f : first) add(result, multiply(s, f));
    return result;
  }
  void add(Edge& to, const MapForm& term) {
    for (MapForm& map : to) {
      if (map.kind != term.kind) continue;
      if (map.kind == MapKind::diagonal) {
        map.scaled_left = map.scaled_left || term.scaled_left;
        return;
      }
      if (map.scaled_left || map.scaled_right || term.scaled_left || term.scaled_right) continue;
      if (map.kind == MapKind::per_sample)
        cost.per_sample += kElementwise * static_cast<double>(map.rows) * static_cast<double>(map.columns);
      return;
    }
    to.push_back(term);
    const auto is_matrix = [](const MapForm& map) { return map.kind != MapKind::diagonal; };
    const auto count = std::ranges::count_if(to, is_matrix);
    if (count <= kMostMatrices) return;
    const double elements = static_cast<double>(term.rows) * static_cast<double>(term.columns);
    cost.per_sample += kElementwise * elements * static_cast<double>(count);
    cost.elements = std::max(cost.elements, 2 * elements);
    std::erase_if(to, is_matrix);
    to.push_back({MapKind::per_sample, term.rows, term.columns});
  }
  void add(Edge& to, const Edge& terms) {
    for (const MapForm& term : terms) add(to, term);
  }
  void add_trace(const Edge& second, const Edge& first) {
    for (const MapForm& s : second)
      for (const MapForm& f : first) {
        if (s.kind == MapKind::diagonal || f.kind == MapKind::diagonal) {
          cost.per_sample += kElementwise * static_cast<double>(s.rows);
          continue;
        }
        const double elements = static_cast<double>(s.rows) * static_cast<double>(s.columns);
        const bool shared = s.kind == MapKind::shared && f.kind == MapKind::shared;
        const bool scaled = s.scaled_left || s.scaled_right || f.scaled_left || f.scaled_right;
        if (!shared)
          cost.per_sample += 3 * kElementwise * elements;
        else if (scaled)
          cost.per_sample += 2 * elements;
        if (shared) cost.once += kElementwise * elements;
      }
  }
};

using Elimination = GradedElimination<CountingAlgebra>;

Elimination start(const EliminationGraph& graph, CountingAlgebra& algebra) {
  Elimination elimination;
  for (const EliminationGraph::Edge& edge : graph.edges)
    elimination.add_edge(edge.from, edge.to, edge.grade, edge.terms, algebra);
  return elimination;
}

struct State {
  Elimination graph;
  EliminationCost cost;
  std::vector<int> order;
};

State after(const State& state, int vertex) {
  State next = state;
  CountingAlgebra algebra{state.cost};
  next.graph.eliminate(vertex, algebra);
  next.cost = algebra.cost;
  next.order.push_back(vertex);
  return next;
}

bool all_diagonal(const std::vector<MapForm>& terms) {
  return std::ranges::all_of(terms, [](const MapForm& map) { return map.kind == MapKind::diagonal; });
}

// Vertices that hand on what a single edge brings or takes, scaled, cost nothing in any order.
void eliminate_trivial(State& state, std::set<int>& left) {
  for (bool found = true; found;) {
    found = false;
    for (const int vertex : left) {
      int in = 0, out = 0;
      bool in_diagonal = true, out_diagonal = true;
      state.graph.for_each_edge([&](int from, int to, int, const std::vector<MapForm>& terms) {
        if (to == vertex) ++in, in_diagonal = in_diagonal && all_diagonal(terms) && terms.size() == 1;
        if (from == vertex) ++out, out_diagonal = out_diagonal && all_diagonal(terms) && terms.size() == 1;
      });
      if (!(in <= 1 && in_diagonal) && !(out <= 1 && out_diagonal)) continue;
      state = after(state, vertex);
      left.erase(vertex);
      found = true;
      break;
    }
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
        else if (reached.cost.total(samples) < at->second.cost.total(samples))
          at->second = std::move(reached);
      }
    if (!exact && next.size() > beam) {
      std::vector<std::pair<double, std::vector<bool>>> costs;
      for (const auto& [gone, state] : next) costs.emplace_back(state.cost.total(samples), gone);
      std::ranges::sort(costs);
      for (std::size_t i = beam; i < costs.size(); ++i) next.erase(costs[i].second);
    }
    layer = std::move(next);
  }
  return layer.begin()->second;
}

// The vertices from `first` upwards, around the closing edge.
std::vector<int> rotated(int vertices, int first) {
  std::vector<int> order;
  for (int i = 0; i < vertices; ++i) order.push_back((first + i) % vertices);
  return order;
}

}  // namespace

EliminationCost elimination_cost(const EliminationGraph& graph, const std::vector<int>& order) {
  CountingAlgebra algebra;
  Elimination elimination = start(graph, algebra);
  for (const int vertex : order) elimination.eliminate(vertex, algebra);
  return algebra.cost;
}

namespace {

std::vector<EliminationOrder> searched_orders(const EliminationGraph& graph,
                                              const std::vector<std::int64_t>& sizes) {
  std::vector<EliminationOrder> orders;
  const auto add = [&](std::string name, std::vector<int> order) {
    const EliminationCost cost = elimination_cost(graph, order);
    orders.push_back({std::move(name), std::move(order), cost});
  };
  CountingAlgebra algebra;
  State state{start(graph, algebra), {}, {}};
  std::set<int> left;
  for (int v = 0; v < graph.vertices; ++v) left.insert(v);
  eliminate_trivial(state, left);
  if (left.size() <= kMostSearched) add("searched", search(state, left, graph.samples).order);
  // The argument is pushed up from vertex to vertex, or the result pulled down.
  std::vector<int> forward = rotated(graph.vertices, 1);
  add("forward", forward);
  std::ranges::reverse(forward);
  add("reverse", forward);
  const int narrowest = static_cast<int>(std::ranges::min_element(sizes) - sizes.begin());
  add("cut at " + std::to_string(sizes[static_cast<std::size_t>(narrowest)]),
      rotated(graph.vertices, narrowest + 1));
  std::ranges::stable_sort(orders, {},
                           [&](const EliminationOrder& order) { return order.cost.total(graph.samples); });
  return orders;
}

// Everything that an order depends on.
std::vector<std::int64_t> key_of(const EliminationGraph& graph, const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> key{graph.vertices, graph.samples};
  key.insert(key.end(), sizes.begin(), sizes.end());
  for (const EliminationGraph::Edge& edge : graph.edges) {
    key.insert(key.end(), {edge.from, edge.to, edge.grade, static_cast<std::int64_t>(edge.terms.size())});
    for (const MapForm& map : edge.terms)
      key.insert(key.end(), {static_cast<std::int64_t>(map.kind), map.rows, map.columns, map.scaled_left,
                             map.scaled_right});
  }
  return key;
}

}  // namespace

std::vector<EliminationOrder> elimination_orders(const EliminationGraph& graph,
                                                 const std::vector<std::int64_t>& sizes) {
  static std::mutex& mutex = *new std::mutex;
  static auto& kept = *new std::map<std::vector<std::int64_t>, std::vector<EliminationOrder>>;
  const std::vector<std::int64_t> key = key_of(graph, sizes);
  {
    const std::lock_guard lock(mutex);
    if (const auto found = kept.find(key); found != kept.end()) return found->second;
  }
  std::vector<EliminationOrder> orders = searched_orders(graph, sizes);
  const std::lock_guard lock(mutex);
  if (kept.size() >= kMostKept) kept.clear();
  kept.emplace(key, orders);
  return orders;
}

}  // namespace nabla
