#pragma once

#include <array>
#include <map>
#include <utility>
#include <vector>

namespace nabla {

/// The trace of a linear map given as a graph, by eliminating its vertices one after the other.
///
/// Vertices are vectors, an edge u -> w is a linear map from u to w. Joining the result to the argument by an
/// identity edge of grade 1 turns the trace of the map into the sum over all closed walks of grade exactly 1.
/// Eliminating v adds to the edge u -> w, for every pair u -> v -> w, the product of the two; grades add, and
/// what would have grade 2 is dropped, because it stands for walks through the closing edge twice. A pair
/// that closes on itself adds its trace to the total instead. Every order is exact (graded vertex
/// elimination; Griewank and Walther, Evaluating Derivatives, chapter 9, for the elimination without grades).
///
/// `Algebra` says what an edge is: type Edge, `Edge multiply(const Edge& second, const Edge& first)`,
/// `void add(Edge& to, Edge term)` and `void add_trace(const Edge& second, const Edge& first)`.
template <class Algebra>
class GradedElimination {
 public:
  using Edge = typename Algebra::Edge;

  void add_edge(int from, int to, int grade, Edge edge, Algebra& algebra) {
    const auto [at, is_new] = edges_.try_emplace({from, to, grade}, std::move(edge));
    if (!is_new) algebra.add(at->second, std::move(edge));
  }

  void eliminate(int vertex, Algebra& algebra) {
    std::vector<std::pair<Key, Edge>> in, out;
    for (auto at = edges_.begin(); at != edges_.end();) {
      const Key& key = at->first;
      if (key[0] != vertex && key[1] != vertex) {
        ++at;
        continue;
      }
      (key[1] == vertex ? in : out).emplace_back(key, std::move(at->second));
      at = edges_.erase(at);
    }
    for (const auto& [first, first_edge] : in)
      for (const auto& [second, second_edge] : out) {
        const int grade = first[2] + second[2];
        if (grade > 1) continue;
        if (first[0] == second[1])
          algebra.add_trace(second_edge, first_edge);
        else
          add_edge(first[0], second[1], grade, algebra.multiply(second_edge, first_edge), algebra);
      }
  }

  /// Calls f(from, to, grade, edge) for every edge.
  template <class F>
  void for_each_edge(F&& f) const {
    for (const auto& [key, edge] : edges_) f(key[0], key[1], key[2], edge);
  }

 private:
  using Key = std::array<int, 3>;  // from, to, grade
  std::map<Key, Edge> edges_;
};

}  // namespace nabla
