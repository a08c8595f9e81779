#pragma once

#include <optional>
#include <utility>

#include "engine/autodiff/contraction/linear_map_algebra.h"

namespace nabla {

/// What GradedElimination asks for, of edges that are sums of linear maps: walks that close add up to the
/// trace or the diagonal of each sample.
template <class Values>
class EliminationAlgebra {
 public:
  using Map = typename Values::Map;
  using Value = typename Values::Value;
  using Edge = std::vector<Map>;

  EliminationAlgebra(Values values, EliminationGoal goal) : maps_(std::move(values)), goal_(goal) {}

  Edge multiply(const Edge& second, const Edge& first) { return maps_.multiply(second, first); }
  void add(Edge& to, const Edge& terms) {
    for (const Map& term : terms) maps_.add(to, term);
  }
  void close(const Edge& second, const Edge& first) {
    for (const Map& s : second)
      for (const Map& f : first) {
        const Value part =
            goal_ == EliminationGoal::trace ? maps_.trace_of_product(s, f) : maps_.diagonal_of_product(s, f);
        closed_ = closed_ ? maps_.values.sum(*closed_, part) : part;
      }
  }
  void close(const Edge& only) {
    close(only, {{MapKind::diagonal, only.front().columns, only.front().columns, {}, {}, {}}});
  }

  /// Forms an edge as one matrix for each sample, [B or 1, rows, columns].
  Value form(const Edge& edge) { return maps_.form(edge); }
  /// The sum of the walks that have closed, [B or 1] or [B or 1, n or 1]; none if there was none.
  const std::optional<Value>& closed() const { return closed_; }
  const Values& values() const { return maps_.values; }

 private:
  LinearMapAlgebra<Values> maps_;
  EliminationGoal goal_;
  std::optional<Value> closed_;
};

}  // namespace nabla
