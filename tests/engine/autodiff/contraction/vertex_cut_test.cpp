#include "engine/autodiff/contraction/vertex_cut.h"

#include <doctest/doctest.h>

#include <random>

namespace nabla::test {
namespace {

using Edges = std::vector<std::pair<int, int>>;

// Does a path lead from the first to the last vertex without those of the cut?
bool leads_around(int vertices, const Edges& edges, const std::vector<char>& cut) {
  std::vector<char> reached(vertices, false);
  reached[0] = !cut[0];
  for (int turn = 0; turn < vertices; ++turn)
    for (const auto& [from, to] : edges)
      if (reached[from] && !cut[to]) reached[to] = true;
  return reached.back();
}

}  // namespace

TEST_CASE("the narrowest cut of random graphs is that of all sets of vertices") {
  std::mt19937_64 random(1);
  for (int graph = 0; graph < 200; ++graph) {
    const int vertices = 2 + static_cast<int>(random() % 7);
    std::vector<std::int64_t> sizes;
    for (int v = 0; v < vertices; ++v) sizes.push_back(1 + static_cast<std::int64_t>(random() % 9));
    Edges edges;
    for (int from = 0; from < vertices; ++from)
      for (int to = from + 1; to < vertices; ++to)
        if (random() % 5 < 2) edges.emplace_back(from, to);
    std::int64_t least = 1000;
    for (unsigned set = 0; set < 1u << vertices; ++set) {
      std::vector<char> cut;
      std::int64_t size = 0;
      for (int v = 0; v < vertices; ++v) {
        cut.push_back((set >> v & 1u) != 0);
        if (cut.back()) size += sizes[v];
      }
      if (size < least && !leads_around(vertices, edges, cut)) least = size;
    }
    std::vector<char> cut(vertices, false);
    std::int64_t size = 0;
    for (const int v : narrowest_cut(sizes, edges, 0, vertices - 1)) {
      cut[v] = true;
      size += sizes[v];
    }
    CHECK_FALSE(leads_around(vertices, edges, cut));
    CHECK(size == least);
  }
}

}  // namespace nabla::test
