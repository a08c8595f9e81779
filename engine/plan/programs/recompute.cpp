#include "engine/plan/programs/recompute.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "engine/plan/programs/program_shape.h"
#include "engine/plan/programs/widened.h"

namespace nabla {
namespace {

// Smaller values stay in the caches anyway.
constexpr std::int64_t kLeastRecomputedBytes = std::int64_t{256} << 10;
// More readers than this share a value rather than each computing it.
constexpr std::size_t kMostReaders = 2;
// Instructions that take one value's place.
constexpr std::size_t kMostRecomputed = 8;
// What is this much smaller than a value costs nothing beside it.
constexpr std::int64_t kSmall = 16;

std::int64_t bytes_of(const PlanNode& node) {
  return node.shape.size() * static_cast<std::int64_t>(size_of(node.dtype));
}

class Recomputation {
 public:
  Recomputation(const PlanGraph& graph, const std::vector<int>& group_of, PlanGroups& groups)
      : graph_(graph),
        group_of_(group_of),
        groups_(groups),
        owner_(memory_owners(graph)),
        readers_(graph.nodes.size()),
        last_read_(graph.nodes.size(), -1),
        is_asked_(graph.nodes.size(), false),
        is_copied_(graph.nodes.size(), false) {
    for (std::size_t g = 0; g < groups.groups.size(); ++g)
      for (const int node : groups.groups[g].nodes)
        for (const int input : graph[node].inputs) {
          const int from = groups.source(groups.groups[g], input);
          if (!groups.groups[g].contains(from)) note_reader(from, g);
        }
    const auto ask = [&](int node) {
      is_asked_[node] = true;
      last_read_[owner_[node]] = std::numeric_limits<int>::max();
    };
    for (const int output : graph.outputs) ask(output);
    for (const PlanGraph::Held& held : graph.held) ask(held.node);
  }

  void run() {
    for (std::size_t v = 0; v < graph_.nodes.size(); ++v) {
      const int node = static_cast<int>(v);
      if (group_of_[v] < 0 || readers_[v].empty() || readers_[v].size() > kMostReaders || is_asked_[v] ||
          bytes_of(graph_[node]) < kLeastRecomputedBytes || !groups_.groups[group_of_[v]].is_program ||
          !graph_[node].primitive->is_pointwise())
        continue;
      std::vector<Added> added;
      for (const std::size_t g : readers_[v])
        if (std::optional<Added> found = at_reader(node, g)) added.push_back(std::move(*found));
      if (added.size() < readers_[v].size()) continue;
      for (std::size_t i = 0; i < added.size(); ++i) add(added[i], readers_[v][i]);
      readers_[v].clear();
    }
  }

 private:
  // What joins a program, and what it reads then.
  struct Added {
    std::vector<int> nodes;
    std::vector<int> inputs;
    int large = 0;  // of the inputs: what the program did not read before and is not small
  };

  void note_reader(int node, std::size_t g) {
    std::vector<std::size_t>& found = readers_[node];
    if (std::ranges::find(found, g) == found.end()) found.push_back(g);
    const int owner = owner_[node];
    // A view reads nothing itself.
    if (owner_[groups_.groups[g].nodes.back()] != owner)
      last_read_[owner] = std::max(last_read_[owner], groups_.groups[g].nodes.back());
  }
  bool is_read_by(int node, std::size_t g) const {
    return std::ranges::find(readers_[node], g) != readers_[node].end();
  }

  std::optional<Added> at_reader(int node, std::size_t g) const {
    const PlanGroup& reader = groups_.groups[g];
    if (!reader.is_program || !(reader.program.shape == squeezed(graph_[node].shape))) return std::nullopt;
    if (is_widened_leaf(graph_, node)) return Added{{node}, {groups_.base[graph_[node].inputs[0]]}};
    Added added{{node}, {}};
    if (reader.program.fold == TileProgram::Fold::tangents ||
        !find_operands(node, bytes_of(graph_[node]) / kSmall, g, added) ||
        reader.nodes.size() + added.nodes.size() > kMostInstructions)
      return std::nullopt;
    std::vector<int> all = reader.nodes;
    all.insert(all.end(), added.nodes.begin(), added.nodes.end());
    std::ranges::sort(all);
    if (!is_consistent(graph_, groups_.base, all, reader.program)) return std::nullopt;
    return added;
  }

  // Are the operands of a node at hand in a group, or made by few nodes of such operands?
  bool find_operands(int node, std::int64_t small, std::size_t g, Added& added) const {
    return std::ranges::all_of(graph_[node].inputs, [&](int input) {
      const int from = groups_.base[input];
      const PlanNode& operand = graph_[from];
      if (groups_.groups[g].contains(from) || is_read_by(from, g) ||
          (!operand.is_leaf() && operand.primitive->is_uniform()) ||
          std::ranges::find(added.nodes, from) != added.nodes.end() ||
          std::ranges::find(added.inputs, from) != added.inputs.end())
        return true;
      const bool is_kept = operand.is_leaf() || is_asked_[from] || !readers_[from].empty();
      const bool is_small = bytes_of(operand) <= small;
      if (is_small ? !is_copied_[from] : is_kept) {
        // In place of the value another is read, which is there at that time anyway.
        if (!is_small && (last_read_[owner_[from]] < groups_.groups[g].nodes.back() || ++added.large > 1))
          return false;
        added.inputs.push_back(from);
        return true;
      }
      if (added.nodes.size() >= kMostRecomputed || !operand.primitive->is_pointwise() ||
          !groups_.groups[group_of_[from]].is_program ||
          !(squeezed(operand.shape) == groups_.groups[g].program.shape))
        return false;
      added.nodes.push_back(from);
      return find_operands(from, small, g, added);
    });
  }

  void add(const Added& added, std::size_t g) {
    std::vector<int>& nodes = groups_.groups[g].nodes;
    for (const int node : added.nodes) {
      nodes.insert(std::ranges::lower_bound(nodes, node), node);
      is_copied_[node] = true;
    }
    for (const int input : added.inputs) note_reader(input, g);
  }

  const PlanGraph& graph_;
  const std::vector<int>& group_of_;
  PlanGroups& groups_;
  std::vector<int> owner_;
  std::vector<std::vector<std::size_t>> readers_;  // by node: groups that do not contain it
  std::vector<int> last_read_;                     // by owner: the last node of the last of its readers
  std::vector<bool> is_asked_;
  std::vector<bool> is_copied_;
};

}  // namespace

void recompute_at_readers(const PlanGraph& graph, const std::vector<int>& group_of, PlanGroups& groups) {
  Recomputation(graph, group_of, groups).run();
}

}  // namespace nabla
