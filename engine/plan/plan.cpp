#include "engine/plan/plan.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "engine/graph/walk.h"
#include "engine/plan/evaluation_lock.h"

namespace nabla {
namespace {

std::atomic<bool> nan_mode_on = false;

template <class T>
bool any_nan(const Array& array) {
  const T* values = array.data<const T>();
  return std::any_of(values, values + array.shape().size(), [](T v) { return std::isnan(v); });
}

bool has_nan(const Array& array) {
  if (array.dtype == DType::f32) return any_nan<float>(array);
  if (array.dtype == DType::f64) return any_nan<double>(array);
  return false;
}

// To a width with spaces behind the text, or before it for a negative width.
std::string padded(std::string text, int width) {
  const std::size_t least = static_cast<std::size_t>(std::abs(width));
  if (text.size() < least) text.insert(width < 0 ? 0 : text.size(), least - text.size(), ' ');
  return text;
}

std::string step_name(const PlanStep& step) {
  return step.primitive ? std::string(step.primitive->name()) : "copy";
}

}  // namespace

// Builds one plan; used once.
class PlanBuilder {
 public:
  PlannedGraph build(std::span<const Tensor> outputs) {
    const std::vector<Node*> order = schedule(outputs);
    for (Node* node : order) add(node);
    std::vector<Tensor> results(outputs.begin(), outputs.end());
    NodeMap asked(outputs.size());
    for (const Tensor& output : outputs) {
      plan_.outputs_.push_back(dense_result(output));
      asked.insert(&output.node(), 0);
    }
    // What somebody holds a handle to is kept as well, unless it is only a view or a constant.
    for (Node* node : order) {
      const int found = value_of_.find(node);
      if (node->has_value() || !node->has_handle() || asked.find(node) != NodeMap::kAbsent) continue;
      if (!owns_storage(value(found)) || node->inputs().empty()) continue;
      plan_.outputs_.push_back(found);
      results.emplace_back(node);
    }
    find_lifetimes();
    return {std::make_shared<const Plan>(std::move(plan_)), std::move(leaves_), std::move(results)};
  }

 private:
  // Nodes needed, inputs before users, in the order in which they were built: code that works in chunks is
  // thus run in chunks.
  static std::vector<Node*> schedule(std::span<const Tensor> outputs) {
    NodeMap seen;
    std::vector<Node*> order;
    const auto reach = [&](Node* node) {
      if (seen.insert(node, 0)) order.push_back(node);
    };
    for (const Tensor& output : outputs) reach(&output.node());
    for (std::size_t i = 0; i < order.size(); ++i)
      if (!order[i]->has_value())
        for (Node* input : order[i]->inputs()) reach(input);
    std::sort(order.begin(), order.end(), [](const Node* a, const Node* b) { return a->id() < b->id(); });
    return order;
  }

  int new_value(const PlanValue& value) {
    plan_.values_.push_back(value);
    return static_cast<int>(plan_.values_.size()) - 1;
  }
  int new_storage(PlanStorage::Kind kind, std::size_t bytes) {
    const int step = kind == PlanStorage::Kind::leaf ? -1 : static_cast<int>(plan_.steps_.size());
    plan_.storages_.push_back({kind, bytes, step, step});
    return static_cast<int>(plan_.storages_.size()) - 1;
  }
  static std::size_t bytes_of(const Shape& shape, DType dtype) {
    return static_cast<std::size_t>(shape.size()) * size_of(dtype);
  }
  PlanValue& value(int index) { return plan_.values_[static_cast<std::size_t>(index)]; }

  void add(Node* node) { value_of_.insert(node, place(node)); }

  int place(Node* node) {
    const Primitive& primitive = node->primitive();
    const std::size_t bytes = bytes_of(node->shape(), node->dtype());
    if (node->has_value()) {
      leaves_.emplace_back(node);
      const int leaf =
          new_value({node->value().layout, node->dtype(), new_storage(PlanStorage::Kind::leaf, bytes)});
      plan_.leaves_.push_back(leaf);
      return leaf;
    }
    if (primitive.is_variable())
      throw Error("evaluate: the result depends on a variable " + to_string(node->shape()) + " built at " +
                  node->where().file_name() + ":" + std::to_string(node->where().line()) +
                  " that has no value: a function under jvp, vjp, grad or vmap may not read values");

    std::vector<int> inputs;
    for (const Node* input : node->inputs()) inputs.push_back(value_of_.find(input));
    if (!inputs.empty()) {
      const PlanValue& first = value(inputs[0]);
      if (const std::optional<Layout> view = primitive.view(first.layout, node->shape(), node->attributes()))
        return new_value({*view, node->dtype(), first.storage});
    }
    Layout layout = Layout::dense(node->shape());
    int storage = -1;
    if (primitive.is_uniform()) {
      layout.strides.fill(0);  // one element stands for all
      storage = new_storage(PlanStorage::Kind::temporary, size_of(node->dtype()));
    } else {
      storage = new_storage(PlanStorage::Kind::temporary, bytes);
    }
    const int output = new_value({layout, node->dtype(), storage});
    plan_.steps_.push_back({&primitive, cpu_backend().kernel(primitive), node->attributes(),
                            std::move(inputs), output, node->where()});
    return output;
  }

  bool owns_storage(const PlanValue& v) const {
    const PlanStorage& storage = plan_.storages_[static_cast<std::size_t>(v.storage)];
    return storage.kind != PlanStorage::Kind::leaf && v.layout.is_dense() && v.layout.offset == 0 &&
           storage.bytes == bytes_of(v.layout.shape, v.dtype);
  }

  // Results are dense and own no more memory than they need.
  int dense_result(const Tensor& output) {
    const int index = value_of_.find(&output.node());
    const PlanValue& found = value(index);
    const std::size_t bytes = bytes_of(found.layout.shape, found.dtype);
    const PlanStorage& holds = plan_.storages_[static_cast<std::size_t>(found.storage)];
    if (found.layout.is_dense() && found.layout.offset == 0 && holds.bytes == bytes) return index;
    const DType dtype = found.dtype;
    const Shape shape = found.layout.shape;
    const int copy =
        new_value({Layout::dense(shape), dtype, new_storage(PlanStorage::Kind::temporary, bytes)});
    plan_.steps_.push_back({nullptr, cpu_backend().copy_kernel(), {}, {index}, copy, output.node().where()});
    return copy;
  }

  void find_lifetimes() {
    const auto storage_of = [&](int v) -> PlanStorage& {
      return plan_.storages_[static_cast<std::size_t>(value(v).storage)];
    };
    const int count = static_cast<int>(plan_.steps_.size());
    for (int s = 0; s < count; ++s)
      for (const int input : plan_.steps_[static_cast<std::size_t>(s)].inputs)
        storage_of(input).last_step = s;
    for (const int output : plan_.outputs_) {
      PlanStorage& storage = storage_of(output);
      storage.last_step = count;
      if (storage.kind == PlanStorage::Kind::temporary) storage.kind = PlanStorage::Kind::output;
    }
    plan_.freed_after_.resize(plan_.steps_.size());
    std::vector<std::size_t> allocated(plan_.steps_.size(), 0);
    for (std::size_t i = 0; i < plan_.storages_.size(); ++i) {
      const PlanStorage& storage = plan_.storages_[i];
      if (storage.kind == PlanStorage::Kind::leaf) continue;
      allocated[static_cast<std::size_t>(storage.first_step)] += storage.bytes;
      if (storage.last_step < count)
        plan_.freed_after_[static_cast<std::size_t>(storage.last_step)].push_back(static_cast<int>(i));
    }
    std::size_t live = 0;
    for (std::size_t s = 0; s < plan_.steps_.size(); ++s) {
      live += allocated[s];
      plan_.peak_bytes_ = std::max(plan_.peak_bytes_, live);
      for (const int i : plan_.freed_after_[s]) live -= plan_.storages_[static_cast<std::size_t>(i)].bytes;
    }
  }

  Plan plan_;
  std::vector<Tensor> leaves_;
  NodeMap value_of_;
};

PlannedGraph make_plan_locked(std::span<const Tensor> outputs) { return PlanBuilder().build(outputs); }

PlannedGraph make_plan(std::span<const Tensor> outputs) {
  const std::lock_guard lock(evaluation_mutex());
  return make_plan_locked(outputs);
}

std::mutex& evaluation_mutex() {
  static std::mutex& mutex = *new std::mutex;  // never destroyed: static tensors may outlive it
  return mutex;
}

std::vector<Array> Plan::run(std::span<const Array> leaves) const {
  std::vector<std::shared_ptr<Buffer>> blocks(storages_.size());
  for (std::size_t i = 0; i < leaves_.size(); ++i)
    blocks[static_cast<std::size_t>(values_[static_cast<std::size_t>(leaves_[i])].storage)] =
        leaves[i].buffer;
  const auto array = [&](int v) -> Array {
    const PlanValue& value = values_[static_cast<std::size_t>(v)];
    return {blocks[static_cast<std::size_t>(value.storage)], value.layout, value.dtype};
  };

  const bool check = nan_mode();
  std::vector<Array> inputs;
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const PlanStep& step = steps_[s];
    inputs.clear();
    for (const int input : step.inputs) inputs.push_back(array(input));
    const std::size_t storage =
        static_cast<std::size_t>(values_[static_cast<std::size_t>(step.output)].storage);
    blocks[storage] = std::make_shared<Buffer>(storages_[storage].bytes);
    const Array output = array(step.output);
    step.kernel({inputs, output, step.attributes});
    if (check && output.layout.is_dense() && has_nan(output))
      throw Error("nan mode: " + step_name(step) + " " + to_string(output.shape()) + " built at " +
                  step.where.file_name() + ":" + std::to_string(step.where.line()) +
                  " gave the first NaN (no earlier step did; a leaf may hold one)");
    for (const int freed : freed_after_[s]) blocks[static_cast<std::size_t>(freed)].reset();
  }

  std::vector<Array> results;
  for (const int output : outputs_) results.push_back(array(output));
  return results;
}

std::string Plan::explain() const {
  double flops = 0;
  double moved = 0;
  std::string rows;
  char line[128];
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const PlanStep& step = steps_[s];
    const PlanValue& output = values_[static_cast<std::size_t>(step.output)];
    double bytes = static_cast<double>(storages_[static_cast<std::size_t>(output.storage)].bytes);
    double operations = static_cast<double>(output.layout.shape.size());
    std::string operands;
    for (const int input : step.inputs) {
      const PlanValue& value = values_[static_cast<std::size_t>(input)];
      operands += (operands.empty() ? "" : " ") + to_string(value.layout.shape);
      bytes += static_cast<double>(value.layout.shape.size()) * static_cast<double>(size_of(value.dtype));
      operations = std::max(operations, static_cast<double>(value.layout.shape.size()));
    }
    if (step.primitive && step.primitive->derivative_class() == Primitive::Class::multilinear) {
      operations = 2 * static_cast<double>(output.layout.shape.size());
      for (const std::int64_t axis : step.attributes) {
        std::int64_t extent = 1;
        for (const int input : step.inputs)
          extent =
              std::max(extent, values_[static_cast<std::size_t>(input)].layout.shape[static_cast<int>(axis)]);
        operations *= static_cast<double>(extent);
      }
    }
    flops += operations;
    moved += bytes;
    std::snprintf(line, sizeof line, " %12.0f flop %12.0f B\n", operations, bytes);
    rows += padded(std::to_string(s), -5) + "  " + padded(step_name(step), 14) + " " +
            padded(to_string(output.layout.shape), 18) + " <- " + padded(operands, 36) + line;
  }
  std::snprintf(line, sizeof line, "%zu steps, %.4g flop, %.4g bytes moved, %zu bytes at the peak\n",
                steps_.size(), flops, moved, peak_bytes_);
  return rows + line;
}

std::string explain(std::span<const Tensor> outputs) { return make_plan(outputs).plan->explain(); }
std::string explain(const Tensor& output) { return explain(std::span(&output, 1)); }

void set_nan_mode(bool on) { nan_mode_on = on; }
bool nan_mode() { return nan_mode_on; }

}  // namespace nabla
