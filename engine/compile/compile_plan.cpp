#include "engine/compile/compile_plan.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/plan/canonical/canonical.h"
#include "engine/plan/evaluation_lock.h"
#include "engine/plan/packed_operands.h"

namespace nabla {

// Divides a traced function into constants, prologue and the plan of a call; used once, under the lock.
class CompiledPlan::Builder {
 public:
  Builder(CompiledPlan& made, const TracedFunction& function) : made_(made), function_(function) {
    results_ = function.outputs;
    for (const TracedFunction::Assignment& assignment : function.assignments)
      results_.push_back(assignment.value);
    nodes_ = nodes_to_compute(results_);
    made_.cells_ = function.cells;
    for (std::size_t i = 0; i < function.inputs.size(); ++i)
      remember(function.inputs[i], {Source::From::input, i});
    for (std::size_t i = 0; i < function.cells.size(); ++i)
      remember(function.cell_leaves[i], {Source::From::cell, i});
  }

  void build() {
    classify();
    find_frontier();
    if (!constants_.empty()) compute(constants_);
    if (!prologue_.empty()) plan_prologue();
    plan_main();
    if (made_.main_.plan && plan_optimisations() && !nan_mode()) pack_operands();
    if (made_.main_.plan) made_.main_.plan->prepare_runs();
  }

 private:
  // What a node depends on, the strongest first.
  enum class Depends { on_constants, on_cells, on_call };
  struct Fact {
    Depends depends;
    Layout layout;
    bool is_view = false;
    bool builds_identity = false;  // from nothing: the plan of a call sees what it is, and never forms it
  };

  void remember(const Tensor& leaf, const Source& source) {
    source_place_.insert(&leaf.node(), static_cast<int>(sources_.size()));
    sources_.push_back(source);
  }

  // A leaf that is not known yet is a captured constant.
  Source source_of(const Tensor& leaf) {
    const int at = source_place_.find(&leaf.node());
    if (at != NodeMap::kAbsent) return sources_[at];
    const Source kept{Source::From::kept, made_.kept_.size()};
    made_.kept_.push_back(leaf.node().value());
    remember(leaf, kept);
    return kept;
  }

  bool is_assigned(std::size_t cell) const {
    return std::ranges::any_of(function_.assignments, [&](const TracedFunction::Assignment& assignment) {
      return static_cast<std::size_t>(assignment.cell) == cell;
    });
  }

  Fact fact_of_leaf(const Node& node) {
    const int at = source_place_.find(&node);
    Depends depends = Depends::on_constants;
    if (at != NodeMap::kAbsent) {
      const Source& source = sources_[at];
      const bool assigned = source.from == Source::From::cell && is_assigned(source.index);
      depends = source.from == Source::From::input || assigned ? Depends::on_call : Depends::on_cells;
    }
    return {depends, node.value().layout};
  }

  void classify() {
    place_ = NodeMap(nodes_.size());
    for (const Node* node : nodes_) {
      place_.insert(node, static_cast<int>(facts_.size()));
      if (node->has_value()) {
        facts_.push_back(fact_of_leaf(*node));
        continue;
      }
      const Primitive& primitive = node->primitive();
      if (primitive.is_variable())
        throw Error("compile: the function uses a tensor that depends on a variable " +
                    to_string(node->shape()) + " " + std::string(name_of(node->dtype())) +
                    " of jvp, vjp, grad or vmap around it, or of another call; pass it as an input");
      Fact fact{Depends::on_constants, Layout::dense(node->shape())};
      fact.builds_identity = primitive.builds_identity();
      for (const Node* input : node->inputs()) {
        fact.depends = std::max(fact.depends, fact_of(input).depends);
        fact.builds_identity = fact.builds_identity && fact_of(input).builds_identity;
      }
      if (!node->inputs().empty())
        if (const std::optional<Layout> view =
                primitive.view(fact_of(node->inputs()[0]).layout, node->shape(), node->attributes())) {
          fact.layout = *view;
          fact.is_view = true;
        }
      facts_.push_back(fact);
    }
  }

  const Fact& fact_of(const Node* node) const { return facts_[place_.find(node)]; }

  // What is computed apart from the calls and read by them, or returned. Views are not: they cost nothing,
  // and what they show may be smaller.
  void find_frontier() {
    found_ = NodeMap(nodes_.size());
    for (const Tensor& result : results_)
      if (fact_of(&result.node()).depends != Depends::on_call) add_to_frontier(&result.node());
    for (const Node* node : nodes_) {
      if (node->has_value() || fact_of(node).depends != Depends::on_call) continue;
      for (Node* input : node->inputs()) find_behind(input);
    }
  }

  void find_behind(Node* node) {
    std::vector<Node*> waiting{node};
    while (!waiting.empty()) {
      Node* next = waiting.back();
      waiting.pop_back();
      const Fact& fact = fact_of(next);
      if (next->has_value() || fact.depends == Depends::on_call || fact.builds_identity) continue;
      if (!fact.is_view)
        add_to_frontier(next);
      else if (views_.insert(next, 0))
        waiting.insert(waiting.end(), next->inputs().begin(), next->inputs().end());
    }
  }

  void add_to_frontier(Node* node) {
    if (node->has_value() || !found_.insert(node, 0)) return;
    (fact_of(node).depends == Depends::on_cells ? prologue_ : constants_).emplace_back(node);
  }

  static void compute(std::span<const Tensor> tensors) {
    const PlannedGraph graph = make_plan_locked(tensors);
    compute(graph);
  }
  static std::vector<Array> compute(const PlannedGraph& graph) {
    std::vector<Array> leaves;
    for (const Tensor& leaf : graph.leaves) leaves.push_back(leaf.node().value());
    std::vector<Array> results = graph.plan->run(leaves);
    for (std::size_t i = 0; i < results.size(); ++i) graph.results[i].node().set_value(results[i]);
    return results;
  }

  BoundPlan bind(const PlannedGraph& graph) {
    BoundPlan bound{graph.plan, {}};
    for (const Tensor& leaf : graph.leaves) bound.leaves.push_back(source_of(leaf));
    return bound;
  }

  void plan_prologue() {
    const PlannedGraph graph = make_plan_locked(prologue_);
    made_.prologue_ = preparation(bind(graph));
    made_.prologue_->count = prologue_.size();
    made_.prologue_runs_ = 1;
    const std::vector<Array> results = compute(graph);
    for (std::size_t i = 0; i < prologue_.size(); ++i) {
      remember(prologue_[i], {Source::From::kept, made_.kept_.size()});
      made_.kept_.push_back(results[i]);
    }
  }

  // Its results come behind what is kept so far.
  Preparation preparation(BoundPlan bound) const {
    Preparation made{std::move(bound), made_.kept_.size(), 0, {}, {}};
    const auto add = [&](std::size_t cell) {
      if (std::ranges::find(made.cells, cell) != made.cells.end()) return;
      made.cells.push_back(cell);
      made.versions.push_back(function_.cell_versions[cell]);
    };
    for (const Source& leaf : made.bound.leaves) {
      if (leaf.from == Source::From::cell) add(leaf.index);
      if (is_of_prologue(leaf)) std::ranges::for_each(made_.prologue_->cells, add);
    }
    return made;
  }
  bool is_of_prologue(const Source& source) const {
    return source.from == Source::From::kept && made_.prologue_ &&
           source.index - made_.prologue_->begin < made_.prologue_->count;
  }

  void plan_main() {
    std::vector<Tensor> pending;
    NodeMap place;
    for (const Tensor& result : results_)
      if (!result.node().has_value() && place.insert(&result.node(), static_cast<int>(pending.size())))
        pending.push_back(result);
    std::vector<Tensor> donated;
    for (const TracedFunction::Assignment& assignment : function_.assignments) {
      const Tensor& old = function_.cell_leaves[assignment.cell];
      const auto is_old = [&](const Tensor& result) { return &result.node() == &old.node(); };
      if (std::ranges::none_of(results_, is_old)) donated.push_back(old);
    }
    made_.lent_.assign(made_.cells_.size(), false);
    if (!pending.empty()) made_.main_ = bind(make_plan_locked(pending, donated));
    for (std::size_t i = 0; i < made_.main_.leaves.size(); ++i)
      if (const Source& leaf = made_.main_.leaves[i];
          leaf.from == Source::From::cell && made_.main_.plan->overwrites(i))
        made_.lent_[leaf.index] = true;
    const auto source = [&](const Tensor& result) -> Source {
      const int at = place.find(&result.node());
      if (at == NodeMap::kAbsent) return source_of(result);
      return {Source::From::result, static_cast<std::size_t>(at)};
    };
    for (const Tensor& output : function_.outputs) made_.outputs_.push_back(source(output));
    for (const TracedFunction::Assignment& assignment : function_.assignments) {
      made_.assigned_.push_back(function_.cells[assignment.cell]);
      made_.assigned_values_.push_back(source(assignment.value));
    }
  }

  // Will there be many calls between two versions? Where a result has a cell's own shape it is most likely a
  // gradient, and the cell changes from call to call, which would be packed for one call alone.
  bool lasts(std::size_t cell) const {
    const Tensor& leaf = function_.cell_leaves[cell];
    return !is_assigned(cell) && std::ranges::none_of(function_.outputs, [&](const Tensor& output) {
      return output.shape() == leaf.shape() && fact_of(&output.node()).depends == Depends::on_call;
    });
  }
  bool lasts(const Source& source) const {
    const auto cell_lasts = [&](std::size_t cell) { return lasts(cell); };
    if (source.from == Source::From::cell) return lasts(source.index);
    return source.from == Source::From::kept &&
           (!is_of_prologue(source) || std::ranges::all_of(made_.prologue_->cells, cell_lasts));
  }

  void pack_operands() {
    std::vector<bool> lasting;
    for (const Source& leaf : made_.main_.leaves) lasting.push_back(lasts(leaf));
    std::optional<PackedPlan> packed = with_packed_operands(*made_.main_.plan, lasting);
    if (!packed) return;
    BoundPlan packing{packed->packing, {}};
    std::vector<Array> operands;
    for (const std::size_t i : packed->packed) {
      const Source& leaf = made_.main_.leaves[i];
      packing.leaves.push_back(leaf);
      operands.push_back(leaf.from == Source::From::kept ? made_.kept_[leaf.index]
                                                         : function_.cell_leaves[leaf.index].node().value());
    }
    BoundPlan main{packed->plan, {}};
    for (const std::size_t i : packed->read) main.leaves.push_back(made_.main_.leaves[i]);
    made_.packing_ = preparation(std::move(packing));
    for (const Array& result : packed->packing->run(operands)) {
      main.leaves.push_back({Source::From::kept, made_.kept_.size()});
      made_.kept_.push_back(result);
      ++made_.packing_->count;
    }
    made_.main_ = std::move(main);
  }

  CompiledPlan& made_;
  const TracedFunction& function_;
  std::vector<Tensor> results_;  // outputs, then the new values of cells
  std::vector<Node*> nodes_;
  NodeMap place_;  // in nodes_ and facts_
  std::vector<Fact> facts_;
  NodeMap found_;
  NodeMap views_;
  std::vector<Tensor> constants_;
  std::vector<Tensor> prologue_;
  NodeMap source_place_;
  std::vector<Source> sources_;
};

CompiledPlan::CompiledPlan(const TracedFunction& function) {
  const std::lock_guard lock(evaluation_mutex());
  Builder(*this, function).build();
}

// Nothing for a result, which is still to come.
Array CompiledPlan::find(const Source& source, const Call& call) const {
  switch (source.from) {
    case Source::From::input:
      return call.inputs[source.index];
    case Source::From::cell:
      return call.versions[source.index].value;
    case Source::From::kept:
      return kept_[source.index];
    case Source::From::result:
      break;
  }
  return {};
}

std::vector<Array> CompiledPlan::leaves_of(const BoundPlan& bound, const Call& call) const {
  std::vector<Array> leaves;
  leaves.reserve(bound.leaves.size());
  for (const Source& leaf : bound.leaves) leaves.push_back(find(leaf, call));
  return leaves;
}

bool CompiledPlan::is_current(const Preparation& preparation, const Call& call) {
  for (std::size_t i = 0; i < preparation.cells.size(); ++i)
    if (call.versions[preparation.cells[i]].number != preparation.versions[i]) return false;
  return true;
}

void CompiledPlan::run(Preparation& preparation, const Call& call) {
  const std::vector<Array> results = preparation.bound.plan->run(leaves_of(preparation.bound, call));
  std::copy_n(results.begin(), preparation.count,
              kept_.begin() + static_cast<std::ptrdiff_t>(preparation.begin));
  for (std::size_t i = 0; i < preparation.cells.size(); ++i)
    preparation.versions[i] = call.versions[preparation.cells[i]].number;
}

// Prologue and packing for the versions of this call, and all that it reads of what is kept: another call may
// have other versions.
void CompiledPlan::prepare(Call& call) {
  std::unique_lock lock(mutex_, std::defer_lock);
  if (prologue_ || packing_) lock.lock();  // else what is kept stays as it was built
  if (prologue_ && !is_current(*prologue_, call)) {
    run(*prologue_, call);
    ++prologue_runs_;
  }
  if (packing_ && !is_current(*packing_, call)) run(*packing_, call);
  call.leaves = leaves_of(main_, call);
  call.outputs.reserve(outputs_.size());
  call.values.reserve(assigned_values_.size());
  for (const Source& output : outputs_) call.outputs.push_back(find(output, call));
  for (const Source& value : assigned_values_) call.values.push_back(find(value, call));
}

std::vector<Array> CompiledPlan::run(std::span<const Array> inputs) {
  static std::mutex& assigning = *new std::mutex;  // never destroyed: static functions may outlive it
  std::unique_lock one_assigns(assigning, std::defer_lock);
  if (!assigned_.empty()) one_assigns.lock();
  std::unique_lock gpu(evaluation_mutex(), std::defer_lock);
  if (main_.plan && main_.plan->device() != Device::cpu) gpu.lock();

  // The versions' memory is used again, but old versions of cells must not outlive the call.
  struct Versions : std::vector<Cell::Version> {};
  Versions& versions = cpu::thread_own<Versions>();
  struct Release {
    Versions& of;
    ~Release() { of.clear(); }
  };
  const Release release{versions};
  Cell::read(cells_, lent_, versions);
  Call call{inputs, versions, {}, {}, {}};
  try {
    prepare(call);
    const std::vector<Array> results = main_.plan ? main_.plan->run(call.leaves) : std::vector<Array>();
    const auto fill_in = [&](std::vector<Array>& arrays, const std::vector<Source>& sources) {
      for (std::size_t i = 0; i < sources.size(); ++i)
        if (sources[i].from == Source::From::result) arrays[i] = results[sources[i].index];
    };
    fill_in(call.outputs, outputs_);
    fill_in(call.values, assigned_values_);
  } catch (...) {
    call.leaves.clear();
    Cell::give_back(cells_, lent_, versions);
    throw;
  }
  call.leaves.clear();  // what was lent belongs to the cells again
  Cell::commit(assigned_, call.values);
  return std::move(call.outputs);
}

std::uint64_t CompiledPlan::prologue_runs() const {
  const std::lock_guard lock(mutex_);
  return prologue_runs_;
}

std::vector<NamedPlan> CompiledPlan::plans(const std::string& signature) const {
  const std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  for (const Array& array : kept_)
    bytes += static_cast<std::size_t>(array.shape().size()) * size_of(array.dtype);
  std::vector<NamedPlan> plans;
  if (prologue_)
    plans.push_back({"prologue: for each version of its cells, " + signature, prologue_->bound.plan});
  if (packing_)
    plans.push_back({"packed for products: " +
                         std::string(packing_->cells.empty() ? "once, " : "for each version of its cells, ") +
                         signature,
                     packing_->bound.plan});
  plans.push_back({"call: " + signature + "; reads " + std::to_string(kept_.size()) +
                       " constants, results of the prologue and packed operands, " + std::to_string(bytes) +
                       " bytes",
                   main_.plan ? main_.plan : std::make_shared<const Plan>()});
  return plans;
}

}  // namespace nabla
