#include "engine/plan/programs/group_order.h"

#include <algorithm>
#include <compare>
#include <queue>

namespace nabla {
namespace {

constexpr std::int64_t kFewElements = 64;

using Order = std::vector<std::size_t>;

// What a group takes and gives back, in bytes of temporaries. Results are there to the end whenever they are
// made, so they count for nothing; views belong to the node whose memory they show.
class Memory {
 public:
  Memory(const PlanGraph& graph, const std::vector<int>& group_of, const PlanGroups& groups)
      : readers_(graph.nodes.size(), 0),
        bytes_(graph.nodes.size(), 0),
        reads_(groups.groups.size()),
        is_free_(groups.groups.size(), false) {
    const std::vector<int> owner = memory_owners(graph);
    std::vector<bool> temporary(graph.nodes.size(), false);
    for (std::size_t g = 0; g < groups.groups.size(); ++g) {
      const PlanGroup& group = groups.groups[g];
      const int first = group.nodes[0];
      is_free_[g] = owner[first] != first || graph[first].primitive->is_uniform() ||
                    (group.is_program && group.program.shape.size() <= kFewElements);
      if (is_free_[g]) continue;  // a view reads nothing; its readers do
      for (const int node : group.nodes)
        for (const int input : graph[node].inputs) {
          const int source = groups.source(group, input);
          const int from = owner[source];
          if (group_of[from] < 0 || group.contains(source) || group.contains(from)) continue;
          temporary[from] = true;
          if (std::ranges::find(reads_[g], from) == reads_[g].end()) reads_[g].push_back(from);
        }
      for (const int from : reads_[g]) ++readers_[from];
    }
    for (const int output : graph.outputs) temporary[owner[output]] = false;
    for (const PlanGraph::Held& held : graph.held) temporary[owner[held.node]] = false;
    // What is not taken is not given back either.
    for (std::size_t g = 0; g < groups.groups.size(); ++g)
      if (is_free_[g])
        for (const int node : groups.groups[g].nodes) temporary[node] = false;
    for (std::size_t i = 0; i < bytes_.size(); ++i)
      if (temporary[i] && owner[i] == static_cast<int>(i) && !graph.nodes[i].primitive->is_uniform())
        bytes_[i] = graph.nodes[i].shape.size() * static_cast<std::int64_t>(size_of(graph.nodes[i].dtype));
  }

  /// Views and constants take no time and no memory, and scalars next to none.
  bool is_free(std::size_t group) const { return is_free_[group]; }
  std::int64_t taken(const PlanGroup& group) const {
    std::int64_t bytes = 0;
    for (const int node : group.nodes) bytes += bytes_[node];
    return bytes;
  }
  std::int64_t given_back(std::size_t group) const {
    std::int64_t bytes = 0;
    for (const int from : reads_[group])
      if (readers_[from] == 1) bytes += bytes_[from];
    return bytes;
  }
  void run(std::size_t group) {
    for (const int from : reads_[group]) --readers_[from];
  }

 private:
  std::vector<int> readers_;  // groups that still have to read a node
  std::vector<std::int64_t> bytes_;
  std::vector<std::vector<int>> reads_;  // by group: nodes of others
  std::vector<bool> is_free_;            // by group
};

struct Ordered {
  Order order;
  std::int64_t peak = 0;
};

// When a group runs if nothing else decides: by its last node, and by when it is due.
struct Time {
  int due;
  int built;
  friend auto operator<=>(const Time&, const Time&) = default;
};

Ordered arrange(const PlanGroups& groups, const std::vector<std::vector<std::size_t>>& users,
                std::vector<int> missing, Memory memory, const std::vector<Time>& times, bool early_frees) {
  const auto later = [&](std::size_t a, std::size_t b) { return times[a] > times[b]; };
  std::priority_queue<std::size_t, Order, decltype(later)> ready(later);
  Ordered result;
  std::int64_t live = 0;
  std::vector<bool> starts;
  for (const int count : missing) starts.push_back(count == 0);
  // What is free runs as soon as it can, and holds up nobody.
  Order free;
  const auto make_ready = [&](std::size_t first) {
    free.assign(1, first);
    while (!free.empty()) {
      const std::size_t g = free.back();
      free.pop_back();
      if (!memory.is_free(g)) {
        ready.push(g);
        continue;
      }
      result.order.push_back(g);
      for (const std::size_t user : users[g])
        if (--missing[user] == 0) free.push_back(user);
    }
  };
  for (std::size_t g = 0; g < groups.groups.size(); ++g)
    if (starts[g]) make_ready(g);
  Order waiting;
  while (!ready.empty()) {
    std::size_t next = ready.top();
    ready.pop();
    if (early_frees) {
      // Few are ready at a time; the best of them in the order of building.
      waiting.clear();
      const auto gain = [&](std::size_t g) { return memory.given_back(g) - memory.taken(groups.groups[g]); };
      std::int64_t best = std::max<std::int64_t>(0, gain(next));
      while (!ready.empty() && waiting.size() < 64) {
        std::size_t other = ready.top();
        ready.pop();
        if (const std::int64_t gained = gain(other); gained > best) {
          best = gained;
          std::swap(next, other);
        }
        waiting.push_back(other);
      }
      for (const std::size_t g : waiting) ready.push(g);
    }
    live += memory.taken(groups.groups[next]);
    result.peak = std::max(result.peak, live);
    live -= memory.given_back(next);
    memory.run(next);
    result.order.push_back(next);
    for (const std::size_t user : users[next])
      if (--missing[user] == 0) make_ready(user);
  }
  return result;
}

}  // namespace

void order_groups(const PlanGraph& graph, const std::vector<int>& group_of, PlanGroups& groups,
                  bool early_frees) {
  const std::size_t count = groups.groups.size();
  std::vector<std::vector<std::size_t>> users(count);
  std::vector<int> missing(count, 0);
  for (std::size_t g = 0; g < count; ++g)
    for (const int node : groups.groups[g].nodes)
      for (const int input : graph[node].inputs) {
        const int source = groups.source(groups.groups[g], input);
        const int from = group_of[source];
        if (from < 0 || groups.groups[g].contains(source)) continue;
        users[from].push_back(g);
        ++missing[g];
      }
  const Memory memory(graph, group_of, groups);
  std::vector<Time> times;
  for (const PlanGroup& group : groups.groups) times.push_back({group.nodes.back(), group.nodes.back()});
  Ordered best = arrange(groups, users, missing, memory, times, false);
  if (early_frees) {
    // What was built long before it is needed may also wait until its first user is due.
    const std::vector<Time> built = times;
    for (std::size_t i = best.order.size(); i-- > 0;) {
      const std::size_t g = best.order[i];
      for (const std::size_t user : users[g]) {
        const int due = memory.is_free(user) ? times[user].due : built[user].built;
        times[g].due = user == users[g].front() ? due : std::min(times[g].due, due);
      }
    }
    Ordered early = arrange(groups, users, missing, memory, built, true);
    if (early.peak <= best.peak) best = std::move(early);
    Ordered late = arrange(groups, users, missing, memory, times, true);
    if (late.peak < best.peak) best = std::move(late);
  }
  std::vector<PlanGroup> ordered;
  ordered.reserve(count);
  for (const std::size_t g : best.order) ordered.push_back(std::move(groups.groups[g]));
  groups.groups = std::move(ordered);
}

}  // namespace nabla
