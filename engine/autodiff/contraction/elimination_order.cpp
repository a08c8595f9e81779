#include "engine/autodiff/contraction/elimination_order.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <set>

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
// An operation on each element of a matrix moves it through memory; this many of a product take that time.
constexpr double kElementwise = 8;

bool form_has_matrix(const MapForm& map) {
  return map.kind == MapKind::shared || map.kind == MapKind::per_sample;
}

bool form_is_dense(const MapForm& map) { return form_has_matrix(map) || map.kind == MapKind::applied; }

double elements_of(const MapForm& map) {
  return static_cast<double>(map.rows) * static_cast<double>(map.columns);
}

// The arithmetic of linear_map.cpp on forms alone, counted.
struct CountingAlgebra {
  using Edge = std::vector<MapForm>;
  EliminationCost cost;
  /// What a walk that closes is asked for: the sum of its diagonal alone, or the diagonal.
  bool sums = true;

  void count(double operations, bool once) { (once ? cost.once : cost.per_sample) += operations; }
  void count_scaling(Scale scale, std::int64_t rows, std::int64_t columns) {
    if (scale != Scale::none) cost.per_sample += static_cast<double>(rows * columns);
  }

  // The image of `vectors` vectors: does it vary?
  Scale image(const MapForm& map, std::int64_t vectors, Scale vary, bool transposed) {
    const Scale before = transposed ? map.left : map.right, after = transposed ? map.right : map.left;
    const bool once = vary == Scale::none && before == Scale::none && map.kind == MapKind::shared;
    count(
        static_cast<double>(vectors) * (map.kind == MapKind::applied ? map.operations : 2 * elements_of(map)),
        once);
    count_scaling(before, vectors, transposed ? map.rows : map.columns);
    count_scaling(after, vectors, transposed ? map.columns : map.rows);
    return once && after == Scale::none ? Scale::none : Scale::elements;
  }

  MapForm multiply_low_rank(const MapForm& second, const MapForm& first) {
    MapForm result{MapKind::low_rank, second.rows,
                   first.columns,     Scale::none,
                   Scale::none,       second.kind == MapKind::low_rank ? second.rank : first.rank};
    const auto scaled = [&](Scale side, const MapForm& diagonal) {
      count_scaling(diagonal.left, result.rank, diagonal.rows);
      return diagonal.left == Scale::none ? side : Scale::elements;
    };
    if (first.kind == MapKind::diagonal) {
      result.left = second.left;
      result.right = scaled(second.right, first);
    } else if (second.kind == MapKind::diagonal) {
      result.left = scaled(first.left, second);
      result.right = first.right;
    } else if (first.kind != MapKind::low_rank) {
      result.left = second.left;
      result.right = image(first, second.rank, second.right, true);
    } else if (second.kind != MapKind::low_rank) {
      result.left = image(second, first.rank, first.left, false);
      result.right = first.right;
    } else {
      const Scale inner = std::max(second.right, first.left);
      const bool keeps_second = second.rank <= first.rank;
      result.rank = std::min(second.rank, first.rank);
      result.left = keeps_second ? second.left : std::max(second.left, inner);
      result.right = keeps_second ? std::max(first.right, inner) : first.right;
      const std::int64_t outer = keeps_second ? first.columns : second.rows;
      count(2 * static_cast<double>(second.rank * first.rank) * static_cast<double>(second.columns + outer),
            result.left == Scale::none && result.right == Scale::none);
    }
    return result;
  }

  MapForm multiply_applied(const MapForm& second, const MapForm& first) {
    const bool both = second.kind == MapKind::applied && first.kind == MapKind::applied;
    MapForm result{MapKind::per_sample, second.rows, first.columns};
    if (stays_low_rank(second.columns, second.rows, first.columns, false)) {
      result.kind = MapKind::low_rank;
      result.left = image(second, second.columns, Scale::none, false);
      result.right = image(first, second.columns, Scale::none, true);
      result.rank = second.columns;
      return result;
    }
    if (both) {
      result.kind = MapKind::applied;
      result.operations = second.operations + first.operations;
      return result;
    }
    const bool through_second = second.kind == MapKind::applied;
    const MapForm& matrix = through_second ? first : second;
    if (through_second)
      image(second, first.columns, Scale::elements, false);
    else
      image(first, second.rows, Scale::elements, true);
    const bool is_formed = matrix.left != Scale::none || matrix.right != Scale::none;
    const double made = elements_of(result) + (is_formed ? elements_of(matrix) : 0);
    cost.per_sample += kElementwise * made;
    return result;
  }

  MapForm multiply(const MapForm& second, const MapForm& first) {
    if (second.kind == MapKind::low_rank || first.kind == MapKind::low_rank)
      return multiply_low_rank(second, first);
    if (second.kind == MapKind::diagonal || first.kind == MapKind::diagonal) {
      MapForm result = second.kind == MapKind::diagonal ? first : second;
      const Scale scale = (second.kind == MapKind::diagonal ? second : first).left;
      Scale& side =
          result.kind == MapKind::diagonal || second.kind == MapKind::diagonal ? result.left : result.right;
      side = std::max(side, scale);
      count_scaling(scale, result.rows, 1);
      return result;
    }
    if (second.kind == MapKind::applied || first.kind == MapKind::applied)
      return multiply_applied(second, first);
    Scale middle = std::max(second.right, first.left), outer = second.left;
    if (middle == Scale::uniform) {
      outer = std::max(outer, middle);
      middle = Scale::none;
    }
    const bool once =
        second.kind == MapKind::shared && first.kind == MapKind::shared && middle == Scale::none;
    if (stays_low_rank(second.columns, second.rows, first.columns, once)) {
      const auto side = [](const MapForm& map, Scale scale) {
        return map.kind == MapKind::per_sample || scale != Scale::none ? Scale::elements : Scale::none;
      };
      count_scaling(outer, second.columns, second.rows);
      count_scaling(std::max(first.right, middle), second.columns, first.columns);
      return {MapKind::low_rank,
              second.rows,
              first.columns,
              side(second, outer),
              side(first, std::max(first.right, middle)),
              second.columns};
    }
    MapForm result{MapKind::shared, second.rows, first.columns, outer, first.right};
    const double operations = 2 * elements_of(second) * static_cast<double>(first.columns);
    count(operations, once);
    if (once) return result;
    result.kind = MapKind::per_sample;
    const double made = elements_of(result) + (middle == Scale::none ? 0 : elements_of(second));
    cost.per_sample += kElementwise * made;
    return result;
  }

  // All terms with a matrix as one.
  void form(Edge& maps) {
    const auto matrices = std::ranges::count_if(maps, form_has_matrix);
    if (matrices <= 1) return;
    const MapForm all{MapKind::per_sample, maps.front().rows, maps.front().columns};
    cost.per_sample += kElementwise * elements_of(all) * static_cast<double>(matrices);
    std::erase_if(maps, form_has_matrix);
    maps.push_back(all);
  }

  Edge multiply(Edge second, Edge first) {
    const bool second_forms = std::ranges::any_of(first, form_is_dense);
    if (std::ranges::any_of(second, form_is_dense)) form(first);
    if (second_forms) form(second);
    Edge result;
    for (const MapForm& s : second)
      for (const MapForm& f : first) add(result, multiply(s, f));
    return result;
  }

  void add(Edge& to, const MapForm& term) {
    for (MapForm& map : to) {
      if (map.kind != term.kind) continue;
      if (map.kind == MapKind::diagonal) {
        map.left = std::max(map.left, term.left);
        return;
      }
      if (map.kind == MapKind::low_rank) {
        map.rank += term.rank;
        map.left = std::max(map.left, term.left);
        map.right = std::max(map.right, term.right);
        if (!is_full_rank(map.rank, map.rows, map.columns)) return;
        const bool once = map.left == Scale::none && map.right == Scale::none;
        count(2 * static_cast<double>(map.rank) * elements_of(map), once);
        std::erase_if(to, [](const MapForm& m) { return m.kind == MapKind::low_rank; });
        add(to, MapForm{once ? MapKind::shared : MapKind::per_sample, term.rows, term.columns});
        return;
      }
      if (map.kind == MapKind::applied) {
        map.operations += term.operations;
        map.left = map.right = Scale::none;
        return;
      }
      const bool is_scaled = std::max({map.left, map.right, term.left, term.right}) != Scale::none;
      if (is_scaled) continue;
      if (map.kind == MapKind::per_sample) cost.per_sample += kElementwise * elements_of(map);
      return;
    }
    to.push_back(term);
    if (std::ranges::count_if(to, form_has_matrix) > kMostMatrices) form(to);
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
    if (s.kind == MapKind::applied || f.kind == MapKind::applied) {
      const MapForm both = multiply(s, f);
      if (both.kind == MapKind::applied) image(both, both.columns, Scale::none, false);
      cost.per_sample += kElementwise * static_cast<double>(both.rows * std::max<std::int64_t>(1, both.rank));
      return;
    }
    if (s.kind == MapKind::diagonal || f.kind == MapKind::diagonal) {
      cost.per_sample += kElementwise * static_cast<double>(s.rows);
      return;
    }
    const bool once = s.kind == MapKind::shared && f.kind == MapKind::shared;
    const bool inside = std::max(s.right, f.left) == Scale::elements;
    const bool outside = sums && std::max(s.left, f.right) == Scale::elements;
    if (once) cost.once += kElementwise * elements_of(s);
    if (!once)
      cost.per_sample += 3 * kElementwise * elements_of(s);
    else if (inside || outside)
      cost.per_sample += 2 * elements_of(s);
  }
  void close(const Edge& second, const Edge& first) {
    for (const MapForm& s : second)
      for (const MapForm& f : first) close(s, f);
  }
  void close(const Edge& only) {
    close(only, Edge{{MapKind::diagonal, only.front().columns, only.front().columns}});
  }

  // The edge that is left, as one matrix for each sample.
  void count_formed(const Edge& maps) {
    for (const MapForm& map : maps) {
      const double elements = elements_of(map);
      if (map.kind == MapKind::low_rank)
        count(2 * static_cast<double>(map.rank) * elements,
              map.left == Scale::none && map.right == Scale::none);
      else if (map.kind == MapKind::applied)
        image(map, map.columns, Scale::none, false);
      else if (map.kind == MapKind::per_sample || std::max(map.left, map.right) != Scale::none)
        cost.per_sample += kElementwise * elements;
    }
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

void eliminate(State& state, int vertex) {
  state.graph.eliminate(vertex, state.counted);
  state.order.push_back(vertex);
}

State after(const State& state, int vertex) {
  State next = state;
  eliminate(next, vertex);
  return next;
}

bool is_cheap(const MapForm& map) { return !form_is_dense(map); }

// Vertices that hand on what a single edge brings or takes, scaled or up to few outer products, cost next to
// nothing in any order, and neither do those so narrow that all products through them stay outer products.
bool is_trivial(const Elimination& graph, int vertex, std::int64_t size) {
  int in = 0, out = 0;
  bool in_cheap = true, out_cheap = true;
  std::int64_t narrowest = std::numeric_limits<std::int64_t>::max();
  graph.for_each_edge_at(vertex, [&](int from, int to, const std::vector<MapForm>& terms) {
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
    state.graph.for_each_edge_at(vertex, [&](int from, int to, const std::vector<MapForm>&) {
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
  CountingAlgebra algebra;
  State state{start(open, algebra), algebra, {}};
  const std::vector<int> vertices = upwards(open);
  std::set<int> left(vertices.begin(), vertices.end());
  eliminate_trivial(state, left, graph.sizes);
  EliminationGraph simple{graph.sizes, {}, graph.argument, graph.result, graph.goal, graph.samples};
  state.graph.for_each_edge([&](int from, int to, int, const std::vector<MapForm>& terms) {
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
        std::ranges::any_of(edge.terms, form_is_dense))
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
  CountingAlgebra algebra;
  const State all{start(graph, algebra), algebra, {}};
  const auto add = [&](std::string name, const std::vector<int>& order) {
    State state = all;
    for (const int vertex : order) state.graph.eliminate(vertex, state.counted);
    if (graph.goal == EliminationGoal::whole)
      state.graph.for_each_edge(
          [&](int, int, int, const std::vector<MapForm>& terms) { state.counted.count_formed(terms); });
    orders.push_back({std::move(name), false, order, state.counted.cost});
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
    for (const MapForm& map : edge.terms)
      key.insert(key.end(), {static_cast<std::int64_t>(map.kind), map.rows, map.columns,
                             static_cast<std::int64_t>(map.left), static_cast<std::int64_t>(map.right),
                             map.rank, static_cast<std::int64_t>(map.operations)});
  }
  return key;
}

}  // namespace

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
  if (kept.size() >= kMostOrders) kept.clear();
  kept.emplace(key, orders);
  return orders;
}

}  // namespace nabla
