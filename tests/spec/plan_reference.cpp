#include "tests/spec/plan_reference.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "engine/graph/walk.h"
#include "tests/engine/plan_faults.h"

namespace nabla::spec {
namespace {

bool is_product(const Primitive& primitive) { return facts_of(primitive.op()).family == Family::product; }

double largest_magnitude(const Tensor& x) {
  double largest = 0;
  for (const double v : elements(x))
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  return largest;
}

// Of evaluated operations: the largest value, and the largest sum of absolute terms of a product.
double largest_terms(const std::vector<Tensor>& operations) {
  double largest = 0;
  for (const Tensor& operation : operations) {
    if (!is_floating(operation.dtype())) continue;
    largest = std::max(largest, largest_magnitude(operation));
    const Node& node = operation.node();
    if (!is_product(node.primitive())) continue;
    std::vector<Tensor> absolute;
    for (Node* input : node.inputs()) absolute.push_back(nabla::abs(Tensor(input).detach()));
    largest = std::max(largest, largest_magnitude(apply(node.primitive(), absolute, node.attributes())));
  }
  return largest;
}

template <class T>
bool same_numbers(const Array& a, const Array& b) {
  const T* x = a.data<const T>();
  const T* y = b.data<const T>();
  const std::size_t count = a.shape().size();
  if (std::memcmp(x, y, count * sizeof(T)) == 0) return true;
  for (std::size_t i = 0; i < count; ++i)
    if (std::memcmp(x + i, y + i, sizeof(T)) != 0 && !(std::isnan(x[i]) && std::isnan(y[i]))) return false;
  return true;
}

}  // namespace

std::vector<Tensor> operations_behind(const std::vector<Tensor>& outputs) {
  std::vector<Tensor> operations;
  for (const Node* node : nodes_behind(outputs))
    if (!node->has_value()) operations.emplace_back(const_cast<Node*>(node));
  return operations;
}

std::vector<Expected> expected_values(const std::vector<Tensor>& operations) {
  const WithoutOptimisations reference;
  evaluate(operations);
  double magnitude = -1;
  NodeMap behind_product;
  std::vector<Expected> expected;
  for (const Tensor& operation : operations) {
    const Node& node = operation.node();
    bool is_behind = is_product(node.primitive());
    for (const Node* input : node.inputs())
      is_behind = is_behind || behind_product.find(input) != NodeMap::kAbsent;
    if (is_behind) behind_product.insert(&node, 1);
    expected.push_back({operation.detach(), 0});
    if (!is_behind || !is_floating(node.dtype())) continue;
    if (magnitude < 0) magnitude = largest_terms(operations);
    expected.back().bound = (node.dtype() == DType::f32 ? 4e-6 : 1e-12) * magnitude;
  }
  return expected;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape()) || a.dtype() != b.dtype()) return false;
  const Array& x = a.value();
  const Array& y = b.value();
  if (x.dtype == DType::f64) return same_numbers<double>(x, y);
  if (x.dtype == DType::f32) return same_numbers<float>(x, y);
  return std::memcmp(x.data<std::byte>(), y.data<std::byte>(),
                     static_cast<std::size_t>(x.shape().size()) * size_of(x.dtype)) == 0;
}

void expect_value(Failures& failures, const std::string& what, const Tensor& got, const Expected& expected) {
  if (same_bits(got, expected.value)) return;
  if (!(got.shape() == expected.value.shape()) || got.dtype() != expected.value.dtype()) {
    failures.push_back(what + ": another shape or type");
    return;
  }
  const std::vector<double> a = elements(got);
  const std::vector<double> b = elements(expected.value);
  const double bound = expected.bound;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    const bool equal = a[i] == b[i] && (bound > 0 || std::signbit(a[i]) == std::signbit(b[i]));
    if (equal || (bound > 0 && std::abs(a[i] - b[i]) <= bound)) continue;
    char text[160];
    std::snprintf(text, sizeof text, ": element %zu is %.17g, without optimisations %.17g, bound %.3g", i,
                  a[i], b[i], bound);
    failures.push_back(what + text);
    return;
  }
}

void evaluate_checked(Failures& failures, const std::string& what, std::vector<Tensor> outputs) {
  std::erase_if(outputs, [](const Tensor& output) { return output.node().has_value(); });
  if (outputs.empty()) return;
  const std::shared_ptr<const Plan> plan = make_plan(outputs).plan;
  for (const std::string& fault : test::plan_faults(*plan)) failures.push_back(what + ": " + fault);
  const std::size_t before = memory_statistics().live_bytes;
  reset_peak_memory();
  evaluate(outputs);
  const std::size_t peak = memory_statistics().peak_bytes - before;
  // A product brings an operand that is no matrix into order first, in memory of its own.
  const bool may_take_more = std::ranges::any_of(
      plan->steps(), [](const PlanStep& step) { return step.primitive && is_product(*step.primitive); });
  if (may_take_more ? peak < plan->peak_bytes() : peak != plan->peak_bytes())
    failures.push_back(what + ": took " + std::to_string(peak) + " bytes, the plan says " +
                       std::to_string(plan->peak_bytes()));
}

}  // namespace nabla::spec
