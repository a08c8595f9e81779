#pragma once

#include <array>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace nabla {

/// Trace, diagonal or whole of a linear map given as a graph, by eliminating its vertices one after the
/// other.
///
/// Vertices are vectors, an edge u -> w is a linear map from u to w. Eliminating v adds to the edge u -> w,
/// for every pair u -> v -> w, the product of the two; when only argument and result are left, their edge is
/// the map (Griewank and Walther, Evaluating Derivatives, chapter 9). For a trace the result becomes the
/// argument itself: edges into it have grade 1, all others grade 0, and the trace is the sum over all closed
/// walks of grade exactly 1. Grades add, and what would have grade 2 is dropped, because it stands for walks
/// around twice. A pair that closes on itself is handed to the algebra instead. When the argument stays to
/// the end, all of them close there and make up the diagonal. Every order is exact.
///
/// `Algebra` says what an edge is: type Edge, `Edge multiply(const Edge& second, const Edge& first)`,
/// `void add(Edge& to, Edge term)`, and what becomes of closed walks, `void close(const Edge& second, const
/// Edge& first)` and `void close(const Edge& only)`.
template <class Algebra>
class GradedElimination {
 public:
  using Edge = typename Algebra::Edge;

  /// `closes`: is the result the argument?
  GradedElimination(int argument, int result, bool closes)
      : argument_(argument), result_(result), closes_(closes) {}

  void add_edge(int from, int to, Edge edge, Algebra& algebra) {
    const bool ends = closes_ && to == result_;
    if (ends && from == argument_)
      algebra.close(edge);
    else
      add({from, ends ? argument_ : to, ends ? 1 : 0}, std::move(edge), algebra);
  }

  void eliminate(int vertex, Algebra& algebra) {
    std::vector<std::pair<Key, Edge>> in, out;
    const auto take = [&](const Key& key, std::vector<std::pair<Key, Edge>>& to) {
      const auto at = edges_.find(key);
      to.emplace_back(key, std::move(at->second));
      edges_.erase(at);
      reversed_.erase({key[1], key[0], key[2]});
    };
    for (const Key& key : into(vertex)) take(key, in);
    for (const Key& key : out_of(vertex)) take(key, out);
    for (const auto& [first, first_edge] : in)
      for (const auto& [second, second_edge] : out) {
        const int grade = first[2] + second[2];
        if (grade > 1) continue;
        if (first[0] == second[1])
          algebra.close(second_edge, first_edge);
        else
          add({first[0], second[1], grade}, algebra.multiply(second_edge, first_edge), algebra);
      }
  }

  /// Calls f(from, to, edge) for every edge into or out of a vertex.
  template <class F>
  void for_each_edge_at(int vertex, F&& f) const {
    for (const Key& key : into(vertex)) f(key[0], key[1], edges_.at(key));
    for (const Key& key : out_of(vertex)) f(key[0], key[1], edges_.at(key));
  }

  /// Calls f(from, to, grade, edge) for every edge.
  template <class F>
  void for_each_edge(F&& f) const {
    for (const auto& [key, edge] : edges_) f(key[0], key[1], key[2], edge);
  }

 private:
  using Key = std::array<int, 3>;  // from, to, grade

  void add(const Key& key, Edge edge, Algebra& algebra) {
    const auto [at, is_new] = edges_.try_emplace(key, std::move(edge));
    if (is_new)
      reversed_.insert({key[1], key[0], key[2]});
    else
      algebra.add(at->second, std::move(edge));
  }

  static constexpr int kLeast = std::numeric_limits<int>::min();
  std::vector<Key> into(int vertex) const {
    std::vector<Key> keys;
    for (auto at = reversed_.lower_bound({vertex, kLeast, kLeast});
         at != reversed_.end() && (*at)[0] == vertex; ++at)
      keys.push_back({(*at)[1], vertex, (*at)[2]});
    return keys;
  }
  std::vector<Key> out_of(int vertex) const {
    std::vector<Key> keys;
    for (auto at = edges_.lower_bound({vertex, kLeast, kLeast}); at != edges_.end() && at->first[0] == vertex;
         ++at)
      keys.push_back(at->first);
    return keys;
  }

  int argument_, result_;
  bool closes_;
  std::map<Key, Edge> edges_;
  std::set<Key> reversed_;  // to, from, grade: the same edges, to be found by where they lead
};

}  // namespace nabla
