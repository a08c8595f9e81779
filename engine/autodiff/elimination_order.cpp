#include "engine/autodiff/elimination_order.h"

#include <algorithm>
#include <limits>
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

bool has_matrix(const MapForm& map) { return map.kind == MapKind::shared || map.kind == MapKind::per_sample; }

// The arithmetic of linear_map.cpp on forms alone, counted.
struct CountingAlgebra {
  using Edge = std::vector<MapForm>;
  EliminationCost cost;
  /// What a walk that closes is asked for: the sum of its diagonal alone, or the diagonal.
  bool sums = true;

  // A map with a matrix, applied to `count` vectors, which may be other ones for each sample.
  bool apply(const MapForm& map, std::int64_t count, bool vary, bool transposed) {
    const double elements =
        static_cast<double>(count) * static_cast<double>(map.rows) * static_cast<double>(map.columns);
    const bool before = transposed ? map.scaled_left : map.scaled_right;
    const bool after = transposed ? map.scaled_right : map.scaled_left;
    const bool each = vary || before || map.kind == MapKind::per_sample;
    (each ? cost.per_sample : cost.once) += 2 * elements;
    cost.per_sample += static_cast<double>(count) * ((before ? static_cast<double>(map.columns) : 0) +
                                                     (after ? static_cast<double>(map.rows) : 0));
    return each || after;
  }

  MapForm multiply_low_rank(const MapForm& second, const MapForm& first) {
    MapForm result{MapKind::low_rank, second.rows, first.columns};
    const auto scale = [&](const MapForm& low, const MapForm& diagonal, std::int64_t extent) {
      cost.per_sample += diagonal.scaled_left ? static_cast<double>(low.rank * extent) : 0;
      return diagonal.scaled_left;
    };
    result.rank = second.kind == MapKind::low_rank ? second.rank : first.rank;
    if (first.kind == MapKind::diagonal) {
      result.scaled_left = second.scaled_left;
      result.scaled_right = scale(second, first, first.rows) || second.scaled_right;
    } else if (second.kind == MapKind::diagonal) {
      result.scaled_left = scale(first, second, second.rows) || first.scaled_left;
      result.scaled_right = first.scaled_right;
    } else if (first.kind != MapKind::low_rank) {
      result.scaled_left = second.scaled_left;
      result.scaled_right = apply(first, second.rank, second.scaled_right, true);
    } else if (second.kind != MapKind::low_rank) {
      result.scaled_left = apply(second, first.rank, first.scaled_left, false);
      result.scaled_right = first.scaled_right;
    } else {
      const bool inner = second.scaled_right || first.scaled_left;
      const bool keeps_second = second.rank <= first.rank;
      result.rank = std::min(second.rank, first.rank);
      result.scaled_left = second.scaled_left || (!keeps_second && inner);
      result.scaled_right = first.scaled_right || (keeps_second && inner);
      const double outer = static_cast<double>(keeps_second ? first.columns : second.rows);
      (result.scaled_left || result.scaled_right ? cost.per_sample : cost.once) +=
          2.0 * static_cast<double>(second.rank * first.rank) * (static_cast<double>(second.columns) + outer);
    }
    return result;
  }

  MapForm multiply(const MapForm& second, const MapForm& first) {
    if (second.kind == MapKind::low_rank || first.kind == MapKind::low_rank)
      return multiply_low_rank(second, first);
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
    const bool is_scaled = second.scaled_right || first.scaled_left;
    const bool once = second.kind == MapKind::shared && first.kind == MapKind::shared && !is_scaled;
    if (stays_low_rank(second.columns, second.rows, first.columns, once)) {
      const double rank = static_cast<double>(second.columns);
      cost.per_sample += second.scaled_left ? rank * static_cast<double>(second.rows) : 0;
      cost.per_sample += first.scaled_right || is_scaled ? 2 * rank * static_cast<double>(first.columns) : 0;
      return {MapKind::low_rank,
              second.rows,
              first.columns,
              second.scaled_left || second.kind == MapKind::per_sample,
              first.scaled_right || is_scaled || first.kind == MapKind::per_sample,
              second.columns};
    }
    MapForm result{MapKind::shared, second.rows, first.columns, second.scaled_left, first.scaled_right};
    const double operations = 2.0 * static_cast<double>(second.rows) * static_cast<double>(second.columns) *
                              static_cast<double>(first.columns);
    if (once) {
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
    const double elements = static_cast<double>(term.rows) * static_cast<double>(term.columns);
    for (MapForm& map : to) {
      if (map.kind != term.kind) continue;
      if (map.kind == MapKind::diagonal) {
        map.scaled_left = map.scaled_left || term.scaled_left;
        return;
      }
      if (map.kind == MapKind::low_rank) {
        map.rank += term.rank;
        map.scaled_left = map.scaled_left || term.scaled_left;
        map.scaled_right = map.scaled_right || term.scaled_right;
        if (!is_full_rank(map.rank, map.rows, map.columns)) return;
        const bool shared = !map.scaled_left && !map.scaled_right;
        const double operations = 2 * static_cast<double>(map.rank) * elements;
        (shared ? cost.once : cost.per_sample) += operations;
        if (!shared) cost.elements = std::max(cost.elements, elements);
        std::erase_if(to, [](const MapForm& m) { return m.kind == MapKind::low_rank; });
        add(to, MapForm{shared ? MapKind::shared : MapKind::per_sample, term.rows, term.columns});
        return;
      }
      if (map.scaled_left || map.scaled_right || term.scaled_left || term.scaled_right) continue;
      if (map.kind == MapKind::per_sample) cost.per_sample += kElementwise * elements;
      return;
    }
    to.push_back(term);
    const auto count = std::ranges::count_if(to, has_matrix);
    if (count <= kMostMatrices) return;
    cost.per_sample += kElementwise * elements * static_cast<double>(count);
    cost.elements = std::max(cost.elements, 2 * elements);
    std::erase_if(to, has_matrix);
    to.push_back({MapKind::per_sample, term.rows, term.columns});
  }
  void add(Edge& to, const Edge& terms) {
    for (const MapForm& term : terms) add(to, term);
  }
  void close(const MapForm& s, const MapForm& f) {
    if (s.kind == MapKind::low_rank || f.kind == MapKind::low_rank) {
      const MapForm both = multiply(s, f);
      cost.per_sample += kElementwise * static_cast<double>(both.rank * both.rows);
      return;
    }
    if (s.kind == MapKind::diagonal || f.kind == MapKind::diagonal) {
      cost.per_sample += kElementwise * static_cast<double>(s.rows);
      return;
    }
    const double elements = static_cast<double>(s.rows) * static_cast<double>(s.columns);
    const bool shared = s.kind == MapKind::shared && f.kind == MapKind::shared;
    const bool between = s.scaled_right || f.scaled_left;
    const bool scaled = between || (sums && (s.scaled_left || f.scaled_right));
    if (shared) cost.once += kElementwise * elements;
    if (!shared)
      cost.per_sample += 3 * kElementwise * elements;
    else if (scaled)
      cost.per_sample += 2 * elements;
  }
  void close(const Edge& second, const Edge& first) {
    for (const MapForm& s : second)
      for (const MapForm& f : first) close(s, f);
  }
  void close(const Edge& only) {
    close(only, Edge{{MapKind::diagonal, only.front().columns, only.front().columns}});
  }
};

using Elimination = GradedElimination<CountingAlgebra>;

Elimination start(const EliminationGraph& graph, CountingAlgebra& algebra) {
  algebra.sums = graph.goal == EliminationGoal::trace;
  Elimination elimination(graph.argument, graph.result, graph.goal != EliminationGoal::whole);
  for (const EliminationGraph::Edge& edge : graph.edges)
    elimination.add_edge(edge.from, edge.to, edge.terms, algebra);
  return elimination;
}

struct State {
  Elimination graph;
  CountingAlgebra counted;
  std::vector<int> order;
};

State after(const State& state, int vertex) {
  State next = state;
  next.graph.eliminate(vertex, next.counted);
  next.order.push_back(vertex);
  return next;
}

bool is_cheap(const MapForm& map) { return !has_matrix(map); }

// Vertices that hand on what a single edge brings or takes, scaled or up to few outer products, cost next to
// nothing in any order, and neither do those so narrow that all products through them stay outer products.
bool is_trivial(const Elimination& graph, int vertex, std::int64_t size) {
  int in = 0, out = 0;
  bool in_cheap = true, out_cheap = true;
  std::int64_t narrowest = std::numeric_limits<std::int64_t>::max();
  graph.for_each_edge([&](int from, int to, int, const std::vector<MapForm>& terms) {
    const bool cheap = std::ranges::all_of(terms, is_cheap);
    if (to == vertex) ++in, in_cheap = in_cheap && cheap, narrowest = std::min(narrowest, terms[0].columns);
    if (from == vertex) ++out, out_cheap = out_cheap && cheap, narrowest = std::min(narrowest, terms[0].rows);
  });
  return (in <= 1 && in_cheap) || (out <= 1 && out_cheap) ||
         (size <= 4 && stays_low_rank(size, narrowest, narrowest, true));
}

void eliminate_trivial(State& state, std::set<int>& left, const std::vector<std::int64_t>& sizes) {
  for (bool found = true; found;) {
    found = false;
    for (const int vertex : left) {
      if (!is_trivial(state.graph, vertex, sizes[static_cast<std::size_t>(vertex)])) continue;
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
        else if (reached.counted.cost.total(samples) < at->second.counted.cost.total(samples))
          at->second = std::move(reached);
      }
    if (!exact && next.size() > beam) {
      std::vector<std::pair<double, std::vector<bool>>> costs;
      for (const auto& [gone, state] : next) costs.emplace_back(state.counted.cost.total(samples), gone);
      std::ranges::sort(costs);
      for (std::size_t i = beam; i < costs.size(); ++i) next.erase(costs[i].second);
    }
    layer = std::move(next);
  }
  return layer.begin()->second;
}

// The vertices that are eliminated, from `first` upwards and around.
std::vector<int> rotated(const EliminationGraph& graph, int first) {
  const int vertices = static_cast<int>(graph.sizes.size());
  std::vector<int> order;
  for (int i = 0; i < vertices; ++i) {
    const int vertex = (first + i) % vertices;
    if (vertex == graph.result || (vertex == graph.argument && graph.goal != EliminationGoal::trace))
      continue;
    order.push_back(vertex);
  }
  return order;
}

std::vector<EliminationOrder> searched_orders(const EliminationGraph& graph) {
  std::vector<EliminationOrder> orders;
  CountingAlgebra algebra;
  const State all{start(graph, algebra), algebra, {}};
  const auto add = [&](std::string name, const std::vector<int>& order) {
    State state = all;
    for (const int vertex : order) state.graph.eliminate(vertex, state.counted);
    orders.push_back({std::move(name), false, order, state.counted.cost});
  };
  // The argument is pushed up from vertex to vertex, or the result pulled down.
  std::vector<int> forward = rotated(graph, graph.argument + 1);
  State state = all;
  std::set<int> left(forward.begin(), forward.end());
  eliminate_trivial(state, left, graph.sizes);
  if (left.size() <= kMostSearched) add("searched", search(state, left, graph.samples).order);
  add("forward", forward);
  std::ranges::reverse(forward);
  add("reverse", forward);
  const int narrowest = static_cast<int>(std::ranges::min_element(graph.sizes) - graph.sizes.begin());
  add("cut at " + std::to_string(graph.sizes[static_cast<std::size_t>(narrowest)]),
      rotated(graph, narrowest + 1));
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
    for (const MapForm& map : edge.terms)
      key.insert(key.end(), {static_cast<std::int64_t>(map.kind), map.rows, map.columns, map.scaled_left,
                             map.scaled_right, map.rank});
  }
  return key;
}

}  // namespace

EliminationGraph without_trivial_vertices(const EliminationGraph& graph) {
  EliminationGraph open = graph;
  open.goal = EliminationGoal::whole;
  CountingAlgebra algebra;
  State state{start(open, algebra), algebra, {}};
  const std::vector<int> vertices = rotated(open, 0);
  std::set<int> left(vertices.begin(), vertices.end());
  eliminate_trivial(state, left, graph.sizes);
  EliminationGraph simple{graph.sizes, {}, graph.argument, graph.result, graph.goal, graph.samples};
  state.graph.for_each_edge([&](int from, int to, int, const std::vector<MapForm>& terms) {
    simple.edges.push_back({from, to, terms});
  });
  return simple;
}

std::vector<EliminationOrder> elimination_orders(const EliminationGraph& graph) {
  static std::mutex& mutex = *new std::mutex;
  static auto& kept = *new std::map<std::vector<std::int64_t>, std::vector<EliminationOrder>>;
  const std::vector<std::int64_t> key = key_of(graph);
  {
    const std::lock_guard lock(mutex);
    if (const auto found = kept.find(key); found != kept.end()) return found->second;
  }
  std::vector<EliminationOrder> orders = searched_orders(graph);
  const std::lock_guard lock(mutex);
  if (kept.size() >= kMostKept) kept.clear();
  kept.emplace(key, orders);
  return orders;
}

}  // namespace nabla
