#include "engine/plan/plan_builder.h"

#include <algorithm>
#include <map>

#include "engine/plan/canonical/canonical.h"
#include "engine/plan/canonical/plan_graph.h"
#include "engine/plan/memory.h"
#include "engine/plan/programs/fusion.h"

namespace nabla {
namespace {

std::size_t bytes_of(const Shape& shape, DType dtype) {
  return static_cast<std::size_t>(shape.size()) * size_of(dtype);
}

// From the start of a block to behind the last element that `layout` shows of it.
std::size_t bytes_shown(const Layout& layout, DType dtype) {
  if (layout.shape.size() == 0) return 0;
  std::int64_t last = layout.offset;
  for (int axis = 0; axis < layout.shape.rank(); ++axis)
    last += std::max<std::int64_t>(0, (layout.shape[axis] - 1) * layout.strides[axis]);
  return static_cast<std::size_t>(last + 1) * size_of(dtype);
}

// The elements of `layout` over the axes of `node`, whose operand they are, without its axes of extent 1.
// Their own axes are the operand's, with extents of 1 more or less.
Layout over_node(const Shape& node, const Shape& operand, const Layout& layout) {
  Layout result{squeezed(node), {}, layout.offset};
  int from = 0;
  std::size_t to = 0;
  for (int axis = 0; axis < node.rank(); ++axis) {
    std::int64_t stride = 0;
    if (operand[axis] != 1) {
      while (layout.shape[from] == 1) ++from;
      stride = layout.strides[from++];
    }
    if (node[axis] != 1) result.strides[to++] = stride;
  }
  return result;
}

// The same elements over all axes of a program: what is folded repeats along the folded ones.
Layout over_program(const ProgramShape& program, const Layout& layout) {
  Layout result{program.shape, {}, layout.offset};
  const bool is_behind = program.folds(layout.shape) && program.fold == TileProgram::Fold::tangents;
  std::copy_n(layout.strides.begin(), layout.shape.rank(),
              result.strides.begin() + (is_behind ? program.folded_axes : 0));
  return result;
}

bool repeats_along_folded(const ProgramShape& program, const Layout& layout) {
  if (program.fold == TileProgram::Fold::none) return false;
  const auto first =
      layout.strides.begin() +
      (program.fold == TileProgram::Fold::rows ? program.shape.rank() - program.folded_axes : 0);
  return std::all_of(first, first + program.folded_axes, [](std::int64_t stride) { return stride == 0; });
}

}  // namespace

// Builds one plan; used once.
class PlanBuilder {
 public:
  PlanBuilder(PlanGraph graph, bool optimised, bool runs)
      : graph_(std::move(graph)),
        groups_(group_nodes(graph_, optimised)),
        optimised_(optimised),
        runs_(runs) {}

  CachedPlan build() {
    value_of_.assign(graph_.nodes.size(), -1);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      if (graph_[static_cast<int>(i)].is_leaf()) place_leaf(static_cast<int>(i));
    for (const PlanGroup& group : groups_.groups)
      group.is_program ? place_program(group) : place_single(group.nodes[0]);
    for (const int output : graph_.outputs) plan_.outputs_.push_back(dense_result(output));
    std::vector<int> kept = keep_held();
    find_lifetimes(plan_.steps_, plan_.values_, plan_.outputs_, plan_.storages_);
    if (optimised_) reuse_in_place(plan_.steps_, plan_.values_, plan_.storages_);
    plan_.arena_bytes_ = place_in_arena(plan_.storages_, plan_.backend_->most_unshared_bytes());
    plan_.result_bytes_ = 0;
    for (const PlanStorage& storage : plan_.storages_)
      if (storage.kind == PlanStorage::Kind::output) plan_.result_bytes_ += storage.bytes;
    return {std::make_shared<const Plan>(std::move(plan_)), std::move(kept)};
  }

 private:
  PlanValue& value(int index) { return plan_.values_[index]; }
  int base(int node) const { return groups_.base[node]; }
  int& value_of(int node) { return value_of_[node]; }

  int new_value(const PlanValue& made) {
    plan_.values_.push_back(made);
    return static_cast<int>(plan_.values_.size()) - 1;
  }
  int new_storage(PlanStorage::Kind kind, std::size_t bytes) {
    const int step = kind == PlanStorage::Kind::temporary ? static_cast<int>(plan_.steps_.size()) : -1;
    plan_.storages_.push_back({kind, bytes, step, step, 0, false, false});
    return static_cast<int>(plan_.storages_.size()) - 1;
  }
  int new_temporary(const Shape& shape, DType dtype) {
    return new_value(
        {Layout::dense(shape), dtype, new_storage(PlanStorage::Kind::temporary, bytes_of(shape, dtype))});
  }

  void place_leaf(int node) {
    const PlanNode& leaf = graph_[node];
    value_of(node) = new_value({leaf.layout, leaf.dtype,
                                new_storage(PlanStorage::Kind::leaf, bytes_shown(leaf.layout, leaf.dtype))});
    plan_.storages_.back().donated = leaf.donated;
    plan_.leaves_.push_back(value_of(node));
  }

  // Computed here and now: its attributes are all it depends on.
  void place_constant(int node) {
    const PlanNode& constant = graph_[node];
    const Array array{
        std::make_shared<Buffer>(size_of(constant.dtype)), {constant.shape, {}, 0}, constant.dtype};
    const Layout one = Layout::dense({});
    std::byte* const element = array.buffer->data();
    cpu_backend()
        .prepare({constant.primitive, {}, {}, one, constant.dtype, constant.attributes})
        ->run({}, std::span(&element, 1));
    const int storage = new_storage(PlanStorage::Kind::constant, size_of(constant.dtype));
    plan_.constants_.push_back({storage, array.buffer});
    value_of(node) = new_value({array.layout, constant.dtype, storage});
  }

  void place_single(int index) {
    const PlanNode& node = graph_[index];
    if (value_of(index) >= 0) return;  // a part that its operand's step has written
    if (node.primitive->is_uniform()) return place_constant(index);
    std::vector<int> inputs;
    for (const int input : node.inputs) inputs.push_back(value_of(input));
    if (optimised_ && place_in_parts(index, inputs)) return;
    if (!inputs.empty()) {
      const PlanValue& first = value(inputs[0]);
      if (const std::optional<Layout> view =
              node.primitive->view(first.layout, node.shape, node.attributes)) {
        value_of(index) = new_value({*view, node.dtype, first.storage});
        return;
      }
    }
    value_of(index) = add_single(node.primitive, node.attributes, std::move(inputs),
                                 new_temporary(node.shape, node.dtype), node.where);
  }

  // Where all that is read of a node are slices that its step can write apart, each gets memory of its own: a
  // result is not copied then, and what is read no more does not stay for the sake of the others.
  bool place_in_parts(int index, const std::vector<int>& inputs) {
    const PlanNode& node = graph_[index];
    std::vector<Shape> shapes;
    for (const int input : node.inputs) shapes.push_back(graph_[input].shape);
    const std::vector<std::int64_t> parts = node.primitive->parts(shapes, node.attributes);
    if (parts.empty() || std::ranges::find(graph_.outputs, index) != graph_.outputs.end() ||
        std::ranges::find(graph_.held, index, &PlanGraph::Held::node) != graph_.held.end())
      return false;
    std::vector<std::pair<int, std::size_t>> slices;  // and the parts that they show
    for (int reader = index + 1; reader < static_cast<int>(graph_.nodes.size()); ++reader) {
      if (std::ranges::find(graph_[reader].inputs, index) == graph_[reader].inputs.end()) continue;
      const std::optional<std::size_t> part = part_shown(graph_[reader], parts);
      if (!part) return false;
      slices.emplace_back(reader, *part);
    }
    std::vector<int> outputs;
    for (const std::int64_t extent : parts) {
      Shape shape = node.shape;
      shape[-1] = extent;
      outputs.push_back(new_temporary(shape, node.dtype));
    }
    for (const auto& [slice, part] : slices) value_of(slice) = outputs[part];
    add_step(node.primitive, node.attributes, inputs, std::move(outputs), node.where,
             {Layout::dense(node.shape), node.dtype, -1}, parts);
    return true;
  }
  static std::optional<std::size_t> part_shown(const PlanNode& node, std::span<const std::int64_t> parts) {
    if (node.op() != Op::slice || node.attributes[0] != -1 || node.attributes[3] != 1) return std::nullopt;
    std::int64_t first = 0;
    for (std::size_t i = 0; i < parts.size(); first += parts[i++])
      if (node.attributes[1] == first && node.shape[-1] == parts[i]) return i;
    return std::nullopt;
  }

  // A step that is no program. Returns its output.
  int add_single(const Primitive* primitive, const Attributes& attributes, std::vector<int> inputs,
                 int output, const std::source_location& where) {
    add_step(primitive, attributes, std::move(inputs), {output}, where, value(output), {});
    return output;
  }

  void add_step(const Primitive* primitive, const Attributes& attributes, std::vector<int> inputs,
                std::vector<int> outputs, const std::source_location& where, const PlanValue& whole,
                std::span<const std::int64_t> parts) {
    std::vector<Layout> layouts;
    std::vector<DType> types;
    for (const int input : inputs) {
      layouts.push_back(value(input).layout);
      types.push_back(value(input).dtype);
    }
    plan_.steps_.push_back({primitive,
                            attributes,
                            std::move(inputs),
                            std::move(outputs),
                            where,
                            {},
                            runs_ ? plan_.backend_->prepare({primitive, layouts, types, whole.layout,
                                                             whole.dtype, attributes, parts})
                                  : nullptr});
  }

  // The members of a program in the order of their instructions: ascending, but over tangents first what is
  // computed once, then what is for each of them, then the sums and what depends on them.
  std::vector<int> instruction_order(const PlanGroup& group) const {
    std::vector<int> order = group.nodes;
    if (group.program.fold != TileProgram::Fold::tangents) return order;
    std::map<int, int> phase;
    for (const int index : group.nodes) {
      const PlanNode& node = graph_[index];
      int& own = phase[index] = node.primitive->is_pointwise() ? 0 : 2;
      if (own == 0 && !group.program.folds(squeezed(node.shape))) own = 1;
      for (const int input : node.inputs)
        if (const auto found = phase.find(base(input)); found != phase.end() && found->second == 2) own = 2;
    }
    std::ranges::stable_sort(order, {}, [&](int index) { return phase[index]; });
    return order;
  }

  void place_program(const PlanGroup& group) {
    const ProgramShape& over = group.program;
    const std::vector<int> members = instruction_order(group);
    // External operands first: they are the program's inputs.
    TileProgram program;
    program.fold = over.fold;
    program.folded_axes = over.folded_axes;
    std::vector<int> inputs;
    std::vector<Layout> layouts;
    std::vector<int> external;  // the node behind each input
    std::vector<std::vector<int>> operands(members.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
      const PlanNode& node = graph_[members[i]];
      for (const int input : node.inputs) {
        const int from = base(input);
        if (const auto inside = std::ranges::find(members, from); inside != members.end()) {
          operands[i].push_back(
              -1 - static_cast<int>(inside - members.begin()));  // the inputs are not counted yet
          continue;
        }
        const PlanValue read = value(value_of(from));
        const Shape& operand = graph_[input].shape;
        const Layout layout = over_program(
            over, over_node(node.primitive->is_pointwise() ? node.shape : operand, operand, read.layout));
        std::size_t k = 0;
        while (k < inputs.size() && !(external[k] == from && layouts[k].strides == layout.strides)) ++k;
        if (k == inputs.size()) {
          inputs.push_back(new_value({layout, read.dtype, read.storage}));
          layouts.push_back(layout);
          external.push_back(from);
          program.dtypes.push_back(read.dtype);
          program.folded.push_back(repeats_along_folded(over, layout));
        }
        operands[i].push_back(static_cast<int>(k));
      }
    }
    program.inputs = static_cast<int>(inputs.size());
    std::vector<int> outputs;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const PlanNode& node = graph_[members[i]];
      for (int& operand : operands[i])
        if (operand < 0) operand = program.inputs + (-1 - operand);
      const int made =
          program.add(*node.primitive, operands[i], node.dtype, over.folds(squeezed(node.shape)));
      if (!groups_.read[members[i]]) continue;
      program.outputs.push_back(made);
      value_of(members[i]) = new_temporary(node.shape, node.dtype);
      outputs.push_back(value_of(members[i]));
    }
    std::shared_ptr<const StepKernel> kernel =
        runs_ ? plan_.backend_->compile(program, over.shape, layouts) : nullptr;
    plan_.steps_.push_back({graph_[group.nodes[0]].primitive,
                            {},
                            std::move(inputs),
                            std::move(outputs),
                            graph_[group.nodes.back()].where,
                            std::move(program),
                            std::move(kernel)});
  }

  bool owns_storage(const PlanValue& v) const {
    const PlanStorage& storage = plan_.storages_[v.storage];
    return storage.kind == PlanStorage::Kind::temporary && v.layout.is_dense() && v.layout.offset == 0 &&
           storage.bytes == bytes_of(v.layout.shape, v.dtype);
  }

  // Results are dense and own no more memory than they need.
  int dense_result(int node) {
    const int index = value_of(node);
    const PlanValue found = value(index);
    const PlanStorage& holds = plan_.storages_[found.storage];
    const bool is_whole = found.layout.is_dense() && found.layout.offset == 0 &&
                          holds.bytes == bytes_of(found.layout.shape, found.dtype);
    if (is_whole) return index;
    return add_single(nullptr, {}, {index}, new_temporary(found.layout.shape, found.dtype),
                      graph_[node].where);
  }

  // What somebody holds a handle to is kept as well, unless it is only a view or a constant.
  std::vector<int> keep_held() {
    std::vector<int> kept;
    for (const PlanGraph::Held& held : graph_.held) {
      const PlanNode& node = graph_[held.node];
      if (node.inputs.empty() || !owns_storage(value(value_of(held.node)))) continue;
      plan_.outputs_.push_back(value_of(held.node));
      kept.push_back(held.place);
    }
    return kept;
  }

  PlanGraph graph_;
  PlanGroups groups_;
  bool optimised_;
  bool runs_;
  Plan plan_;
  std::vector<int> value_of_;  // by node
};

CachedPlan build_plan(const Schedule& schedule, std::span<const Tensor> outputs, bool optimised) {
  PlanGraph graph = make_plan_graph(schedule, outputs);
  if (optimised) graph = canonical(graph);
  return PlanBuilder(std::move(graph), optimised, /*runs=*/true).build();
}

std::shared_ptr<const Plan> plan_to_read(const Schedule& schedule, std::span<const Tensor> outputs,
                                         bool optimised) {
  PlanGraph graph = make_plan_graph(schedule, outputs, Variables::stand_for_values);
  if (optimised) graph = canonical(graph);
  return PlanBuilder(std::move(graph), optimised, /*runs=*/false).build().plan;
}

}  // namespace nabla
