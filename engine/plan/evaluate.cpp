#include "engine/plan/evaluate.h"

#include <mutex>

#include "engine/plan/evaluation_lock.h"
#include "engine/plan/trace.h"

namespace nabla {
namespace {

template <class T>
double first_element(const Array& array) {
  return static_cast<double>(*array.data<const T>());
}

}  // namespace

void evaluate(std::span<const Tensor> tensors) {
  std::vector<std::unique_ptr<Array>> released;  // freed after the lock
  const std::lock_guard lock(evaluation_mutex());
  std::vector<Tensor> pending;
  for (const Tensor& tensor : tensors)
    if (!tensor.node().has_value()) pending.push_back(tensor);
  if (pending.empty()) return;
  refuse_traced_values(pending);

  PlannedGraph planned = make_plan_locked(pending);
  std::vector<Array> values;
  std::vector<Node*> held;
  for (const Tensor& leaf : planned.leaves) {
    values.push_back(leaf.node().value());
    held.push_back(&leaf.node());
  }
  const std::vector<Array> results = planned.plan->run(values);
  for (std::size_t i = 0; i < results.size(); ++i) planned.results[i].node().set_value(results[i]);

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
    case DType::i64:
      return first_element<std::int64_t>(array);
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
