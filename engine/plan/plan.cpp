#include "engine/plan/plan.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "engine/plan/evaluation_lock.h"
#include "engine/plan/plan_cache.h"
#include "engine/plan/plan_key.h"

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
  explicit PlanBuilder(const Schedule& schedule) : schedule_(schedule) {}

  CachedPlan build(std::span<const Tensor> outputs) {
    const std::vector<Node*>& order = schedule_.order;
    for (Node* node : order) value_of_.push_back(place(node));
    std::vector<bool> asked(order.size(), false);
    for (const Tensor& output : outputs) {
      plan_.outputs_.push_back(dense_result(output));
      asked[place_of(&output.node())] = true;
    }
    // What somebody holds a handle to is kept as well, unless it is only a view or a constant.
    std::vector<int> kept;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Node* node = order[i];
      if (node->has_value() || !schedule_.held[i] || asked[i]) continue;
      if (!owns_storage(value(value_of_[i])) || node->inputs().empty()) continue;
      plan_.outputs_.push_back(value_of_[i]);
      kept.push_back(static_cast<int>(i));
    }
    find_lifetimes();
    return {std::make_shared<const Plan>(std::move(plan_)), std::move(kept)};
  }

 private:
  std::size_t place_of(const Node* node) const {
    return static_cast<std::size_t>(schedule_.place.find(node));
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

  int place(Node* node) {
    const Primitive& primitive = node->primitive();
    const std::size_t bytes = bytes_of(node->shape(), node->dtype());
    if (node->has_value()) {
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
    for (const Node* input : node->inputs()) inputs.push_back(value_of_[place_of(input)]);
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
    const int index = value_of_[place_of(&output.node())];
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

  const Schedule& schedule_;
  Plan plan_;
  std::vector<int> value_of_;  // by place in the schedule
};

PlannedGraph make_plan_locked(std::span<const Tensor> outputs) {
  const Schedule schedule = make_schedule(outputs);
  const auto build = [&] { return PlanBuilder(schedule).build(outputs); };
  CachedPlan planned;
  if (nan_mode()) {
    planned = build();  // its messages name the lines that built this graph, which no key holds
  } else {
    PlanKey key(schedule, outputs);
    const CachedPlan* found = PlanCache::instance().find(key);
    planned = found ? *found : PlanCache::instance().insert(std::move(key), build());
  }

  PlannedGraph graph{planned.plan, {}, {outputs.begin(), outputs.end()}};
  for (Node* node : schedule.order)
    if (node->has_value()) graph.leaves.emplace_back(node);
  for (const int i : planned.kept) graph.results.emplace_back(schedule.order[static_cast<std::size_t>(i)]);
  return graph;
}

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
