#include "engine/autodiff/contraction/vertex_cut.h"

#include <algorithm>
#include <limits>
#include <queue>

namespace nabla {
namespace {

// Vertex v is an arc 2v -> 2v+1 with its size as capacity.
class Flow {
 public:
  explicit Flow(int nodes) : first_(static_cast<std::size_t>(nodes)) {}

  void add_arc(int from, int to, std::int64_t capacity) {
    first_[from].push_back(arcs_.size());
    arcs_.push_back({to, capacity});
    first_[to].push_back(arcs_.size());
    arcs_.push_back({from, 0});
  }

  void saturate(int source, int sink) {
    while (true) {
      const std::vector<std::size_t> by = shortest_paths(source);
      if (by[sink] == kNone) return;
      std::int64_t most = std::numeric_limits<std::int64_t>::max();
      for (int at = sink; at != source;) {
        const std::size_t arc = by[at];
        most = std::min(most, arcs_[arc].left);
        at = arcs_[arc ^ 1].to;
      }
      for (int at = sink; at != source;) {
        const std::size_t arc = by[at];
        arcs_[arc].left -= most;
        arcs_[arc ^ 1].left += most;
        at = arcs_[arc ^ 1].to;
      }
    }
  }

  std::vector<bool> reached_from(int source) const {
    const std::vector<std::size_t> by = shortest_paths(source);
    std::vector<bool> reached(by.size());
    for (std::size_t i = 0; i < by.size(); ++i) reached[i] = by[i] != kNone;
    reached[source] = true;
    return reached;
  }

 private:
  struct Arc {
    int to;
    std::int64_t left;  // what may still flow
  };
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  // The arc by which each node is reached first.
  std::vector<std::size_t> shortest_paths(int source) const {
    std::vector<std::size_t> by(first_.size(), kNone);
    std::queue<int> next({source});
    while (!next.empty()) {
      const int at = next.front();
      next.pop();
      for (const std::size_t arc : first_[at]) {
        const int to = arcs_[arc].to;
        if (arcs_[arc].left <= 0 || to == source || by[to] != kNone) continue;
        by[to] = arc;
        next.push(to);
      }
    }
    return by;
  }

  std::vector<std::vector<std::size_t>> first_;
  std::vector<Arc> arcs_;
};

}  // namespace

std::vector<int> narrowest_cut(std::span<const std::int64_t> sizes,
                               std::span<const std::pair<int, int>> edges, int source, int sink) {
  constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max() / 2;
  const int vertices = static_cast<int>(sizes.size());
  Flow flow(2 * vertices);
  for (int v = 0; v < vertices; ++v) flow.add_arc(2 * v, 2 * v + 1, std::max<std::int64_t>(1, sizes[v]));
  for (const auto& [from, to] : edges) flow.add_arc(2 * from + 1, 2 * to, kAll);
  flow.saturate(2 * source, 2 * sink + 1);
  const std::vector<bool> reached = flow.reached_from(2 * source);
  std::vector<int> cut;
  for (int v = 0; v < vertices; ++v)
    if (reached[2 * v] && !reached[2 * v + 1]) cut.push_back(v);
  return cut;
}

}  // namespace nabla
