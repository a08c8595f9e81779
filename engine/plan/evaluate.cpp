#include "engine/plan/evaluate.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>

#include "engine/graph/walk.h"
#include "engine/plan/evaluation_lock.h"
#include "engine/tensor/cell.h"

namespace nabla {
namespace {

template <class T>
double first_element(const Array& array) {
  return static_cast<double>(*array.data<const T>());
}

// What threads compute at present, outside of the lock that guards this list.
std::vector<std::span<const Tensor>>& computed_now() {
  static auto& results = *new std::vector<std::span<const Tensor>>;
  return results;
}
std::condition_variable& computed() {
  static std::condition_variable& signal = *new std::condition_variable;
  return signal;
}

// True after waiting: another thread has computed one of these results, or failed to.
bool wait_for_others(std::span<const Tensor> results, std::unique_lock<std::mutex>& lock) {
  const auto is_computed_now = [](const Tensor& result) {
    const auto is_it = [&](const Tensor& other) { return same(other, result); };
    return std::ranges::any_of(computed_now(),
                               [&](const auto& all) { return std::ranges::any_of(all, is_it); });
  };
  if (std::ranges::none_of(results, is_computed_now)) return false;
  computed().wait(lock);
  return true;
}

// A plan for the CPU runs without the lock, beside those of other threads.
std::vector<Array> run_beside_others(const PlannedGraph& planned, std::span<const Array> values,
                                     std::unique_lock<std::mutex>& lock) {
  if (planned.plan->device() != Device::cpu) return planned.plan->run(values);
  struct Announced {
    std::span<const Tensor> results;
    std::unique_lock<std::mutex>& lock;
    Announced(std::span<const Tensor> of, std::unique_lock<std::mutex>& held) : results(of), lock(held) {
      computed_now().push_back(results);
      lock.unlock();
    }
    ~Announced() {
      lock.lock();
      std::erase_if(computed_now(), [&](const auto& all) { return all.data() == results.data(); });
      computed().notify_all();
    }
  };
  planned.plan->prepare_runs();
  const Announced announced(planned.results, lock);
  return planned.plan->run(values);
}

// Values that depend on an input or a cell of the function that this thread traces are not known yet.
void refuse_traced_values(std::span<const Tensor> tensors) {
  const CellTrace* const trace = current_cell_trace();
  if (!trace) return;
  for (const Node* node : nodes_to_compute(tensors))
    if (const char* meaning = trace->meaning_of(*node))
      throw Error("compile: the function reads a value that depends on " + std::string(meaning) + " " +
                  to_string(node->shape()) + " " + std::string(name_of(node->dtype())) +
                  ", which is not known while it is traced; return it and read it outside, or compute with "
                  "it (select instead of if)");
}

}  // namespace

std::vector<Node*> nodes_to_compute(std::span<const Tensor> outputs) {
  NodeMap seen;
  std::vector<Node*> nodes;
  const auto reach = [&](Node* node) {
    if (seen.insert(node, 0)) nodes.push_back(node);
  };
  for (const Tensor& output : outputs) reach(&output.node());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (!nodes[i]->has_value())
      for (Node* input : nodes[i]->inputs()) reach(input);
  std::ranges::sort(nodes, {}, &Node::id);
  return nodes;
}

void forget_other_evaluations() {
  computed_now().clear();
  new (&computed()) std::condition_variable;  // the old one waits for the threads that wait for it
}

void evaluate(std::span<const Tensor> tensors) {
  std::vector<std::unique_ptr<Array>> released;  // freed after the lock
  std::unique_lock lock(evaluation_mutex());
  PlannedGraph planned;
  do {
    std::vector<Tensor> pending;
    for (const Tensor& tensor : tensors)
      if (!tensor.node().has_value()) pending.push_back(tensor);
    if (pending.empty()) return;
    refuse_traced_values(pending);
    planned = make_plan_locked(pending);
  } while (wait_for_others(planned.results, lock));

  std::vector<Array> values;
  std::vector<Node*> held;
  for (const Tensor& leaf : planned.leaves) {
    values.push_back(leaf.node().value());
    held.push_back(&leaf.node());
  }
  const std::vector<Array> results = run_beside_others(planned, values, lock);
  for (std::size_t i = 0; i < results.size(); ++i)
    if (Node& node = planned.results[i].node(); !node.has_value()) node.set_value(results[i]);

  // An earlier result that only the graph still refers to has done its duty: the graph can compute it again.
  planned.leaves.clear();
  for (Node* node : held)
    if (!node->has_handle() && !node->inputs().empty()) released.push_back(node->take_value());
}

void start_read_back(std::span<const Tensor> tensors) {
  evaluate(tensors);
  const std::lock_guard lock(evaluation_mutex());
  for (const Tensor& tensor : tensors) tensor.node().value().buffer->start_fetch();
}

const Array& Tensor::value() const {
  evaluate({*this});
  return node().value();
}

double Tensor::item() const {
  if (size() != 1)
    throw Error("item: the tensor " + to_string(shape()) + " does not hold exactly one element");
  const Array& array = value();
  switch (dtype()) {
    case DType::f32:
      return first_element<float>(array);
    case DType::f64:
      return first_element<double>(array);
    case DType::i32:
      return first_element<std::int32_t>(array);
    case DType::i64: {
      constexpr std::int64_t kExact = std::int64_t{1} << 53;
      const std::int64_t value = *array.data<const std::int64_t>();
      if (value < -kExact || value > kExact)
        throw Error("item: " + std::to_string(value) + " is no double; read it by to_vector<std::int64_t>()");
      return static_cast<double>(value);
    }
    case DType::u8:
      return first_element<std::uint8_t>(array);
    case DType::u32:
      return first_element<std::uint32_t>(array);
    case DType::boolean:
      return first_element<bool>(array);
    case DType::c128:
      break;
  }
  throw Error("item: a complex tensor has no real item");
}

Tensor Tensor::detach() const { return leaf(value()); }

}  // namespace nabla
