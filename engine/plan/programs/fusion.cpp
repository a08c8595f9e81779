#include "engine/plan/programs/fusion.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>

#include "engine/plan/programs/group_order.h"
#include "engine/plan/programs/recompute.h"

namespace nabla {
namespace {

// Larger graphs are cut, because every join looks at all groups.
constexpr std::size_t kChunk = 1024;

// The groups of one chunk of nodes, and which groups need which, directly or not.
class Chunk {
 public:
  Chunk(const PlanGraph& graph, const std::vector<int>& base, std::size_t first, std::size_t last)
      : graph_(graph), base_(base), first_(first), words_((last - first + 63) / 64), group_(last - first) {
    std::iota(group_.begin(), group_.end(), std::size_t{0});
    needs_.resize(last - first, std::vector<std::uint64_t>(words_, 0));
    alive_.resize(last - first, true);
    members_.resize(last - first);
    for (std::size_t i = first; i < last; ++i) {
      members_[i - first].push_back(static_cast<int>(i));
      programs_.push_back(program_shape(graph, graph.nodes[i]));
    }
    for (std::size_t i = 0; i < last - first; ++i) place(i);
  }

  std::size_t group(std::size_t node) const { return group_[node - first_]; }
  /// Of the group of this index; nothing where it is no program.
  const std::optional<ProgramShape>& program(std::size_t group) const { return programs_[group]; }

 private:
  bool has(const std::vector<std::uint64_t>& set, std::size_t i) const { return set[i / 64] >> (i % 64) & 1; }
  static void insert(std::vector<std::uint64_t>& set, std::size_t i) {
    set[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  static void erase(std::vector<std::uint64_t>& set, std::size_t i) {
    set[i / 64] &= ~(std::uint64_t{1} << (i % 64));
  }
  static void unite(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& from) {
    for (std::size_t w = 0; w < to.size(); ++w) to[w] |= from[w];
  }

  void place(std::size_t i) {
    const PlanNode& node = graph_.nodes[first_ + i];
    const bool joins = programs_[i].has_value();
    for (const int input : node.inputs) {
      // Programs see through renamings; they become steps of no cost.
      const std::size_t from = joins ? base_[input] : input;
      if (from < first_) continue;
      const std::size_t g = group_[from - first_];
      insert(needs_[i], g);
      unite(needs_[i], needs_[g]);
    }
    if (!joins) return;
    std::size_t own = i;
    for (const int input : node.inputs) {
      const std::size_t from = base_[input];
      if (from < first_) continue;
      const std::size_t other = group_[from - first_];
      if (other == own || !programs_[other] ||
          members_[other].size() + members_[own].size() > kMostInstructions)
        continue;
      const std::optional<ProgramShape> common =
          common_program(graph_, node, input, *programs_[own], *programs_[other]);
      if (!common || !can_merge(own, other)) continue;
      std::vector<int> both;
      std::ranges::merge(members_[own], members_[other], std::back_inserter(both));
      if (!is_consistent(graph_, base_, both, *common)) continue;
      own = merge(own, other);
      members_[own] = std::move(both);
      programs_[own] = common;
    }
  }

  // Not if a third group would have to run between the two.
  bool can_merge(std::size_t a, std::size_t b) const {
    for (std::size_t x = 0; x < needs_.size(); ++x) {
      if (!alive_[x] || x == a || x == b) continue;
      if ((has(needs_[x], b) && has(needs_[a], x)) || (has(needs_[x], a) && has(needs_[b], x))) return false;
    }
    return true;
  }

  std::size_t merge(std::size_t a, std::size_t into) {
    unite(needs_[into], needs_[a]);
    erase(needs_[into], a);
    erase(needs_[into], into);
    alive_[a] = false;
    for (std::size_t& g : group_)
      if (g == a) g = into;
    for (std::size_t x = 0; x < needs_.size(); ++x) {
      if (x == into || !alive_[x] || (!has(needs_[x], a) && !has(needs_[x], into))) continue;
      erase(needs_[x], a);
      insert(needs_[x], into);
      unite(needs_[x], needs_[into]);
    }
    return into;
  }

  const PlanGraph& graph_;
  const std::vector<int>& base_;
  std::size_t first_;
  std::size_t words_;
  std::vector<std::size_t> group_;                 // by node
  std::vector<std::vector<std::uint64_t>> needs_;  // by group
  std::vector<bool> alive_;
  std::vector<std::vector<int>> members_;              // by group: its nodes, ascending
  std::vector<std::optional<ProgramShape>> programs_;  // by group: nothing for what stays alone
};

// Drops what nobody needs (views that programs see through, what readers compute themselves), and notes what
// is read from outside its group.
void keep_needed(const PlanGraph& graph, std::vector<int>& group_of, PlanGroups& result) {
  result.read.assign(graph.nodes.size(), false);
  std::vector<std::vector<bool>> needed;  // by group, of its nodes
  for (const PlanGroup& group : result.groups) needed.emplace_back(group.nodes.size(), false);
  std::vector<std::pair<int, int>> waiting;  // groups and nodes of theirs
  const auto need = [&](int g, int node) {
    const std::vector<int>& nodes = result.groups[g].nodes;
    const std::size_t place = std::ranges::lower_bound(nodes, node) - nodes.begin();
    if (needed[g][place]) return;
    needed[g][place] = true;
    waiting.emplace_back(g, node);
  };
  const auto read = [&](int node) {
    result.read[node] = true;
    if (group_of[node] >= 0) need(group_of[node], node);
  };
  for (const int output : graph.outputs) read(output);
  for (const PlanGraph::Held& held : graph.held) read(held.node);
  while (!waiting.empty()) {
    const auto [g, node] = waiting.back();
    waiting.pop_back();
    for (const int input : graph[node].inputs) {
      const int from = result.source(result.groups[g], input);
      if (result.groups[g].contains(from))
        need(g, from);
      else
        read(from);
    }
  }
  std::vector<PlanGroup> kept;
  std::vector<int> home(graph.nodes.size(), -1);
  for (std::size_t g = 0; g < result.groups.size(); ++g) {
    PlanGroup& group = result.groups[g];
    std::vector<int> nodes;
    for (std::size_t i = 0; i < group.nodes.size(); ++i)
      if (needed[g][i]) nodes.push_back(group.nodes[i]);
    for (const int node : nodes)
      if (group_of[node] == static_cast<int>(g)) home[node] = static_cast<int>(kept.size());
    if (nodes.empty()) continue;
    group.nodes = std::move(nodes);
    kept.push_back(std::move(group));
  }
  group_of = std::move(home);
  result.groups = std::move(kept);
}

}  // namespace

bool PlanGroup::contains(int node) const { return std::ranges::binary_search(nodes, node); }

PlanGroups group_nodes(const PlanGraph& graph, bool fuse) {
  const std::size_t count = graph.nodes.size();
  PlanGroups result;
  result.base.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const PlanNode& node = graph.nodes[i];
    result.base[i] = fuse && renames_input(graph, node) ? result.base[node.inputs[0]] : static_cast<int>(i);
  }

  std::vector<int> group_of(count, -1);
  for (std::size_t first = 0; first < count; first += kChunk) {
    const std::size_t last = std::min(count, first + kChunk);
    std::vector<int> index(last - first, -1);
    std::optional<Chunk> chunk;
    if (fuse) chunk.emplace(graph, result.base, first, last);
    for (std::size_t i = first; i < last; ++i) {
      if (graph.nodes[i].is_leaf()) continue;
      int& group = index[chunk ? chunk->group(i) : i - first];
      if (group < 0) {
        group = static_cast<int>(result.groups.size());
        const auto program = chunk ? chunk->program(chunk->group(i)) : program_shape(graph, graph.nodes[i]);
        result.groups.push_back({{}, false, program.value_or(ProgramShape{})});
      }
      result.groups[group].nodes.push_back(static_cast<int>(i));
      group_of[i] = group;
    }
  }
  // What works along axes and is alone has a kernel of its own.
  for (PlanGroup& group : result.groups)
    group.is_program = group.nodes.size() > 1 || graph[group.nodes[0]].primitive->is_pointwise();
  keep_needed(graph, group_of, result);
  if (fuse) {
    recompute_at_readers(graph, group_of, result);
    keep_needed(graph, group_of, result);
  }
  order_groups(graph, group_of, result, /*early_frees=*/fuse);
  return result;
}

}  // namespace nabla
