#include <cmath>
#include <cstring>

#include "engine/graph/walk.h"
#include "tests/engine/plan_faults.h"
#include "tests/spec/checks.h"

// Optimised plans against the plan with every optimisation off, in which each node is a step of its own.
//
// Bits must be equal, except behind a contraction: a product read off by rows of the identity takes its sums
// in another order, or does not take them at all. There the bound is 1e-12 (f64) or 4e-6 (f32) of the sum of
// absolute terms. Terms of a contraction are those of contraction(|a|, |b|); what follows it may magnify
// their rounding, which shows in the values on the way unless it cancels, so the largest of both over the
// whole graph stands for the sum.

namespace nabla::spec {
namespace {

// Plans without optimisations while it lives.
class Reference {
 public:
  Reference() { set_plan_optimisations(false); }
  ~Reference() { set_plan_optimisations(true); }
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;
};

// What a row's graphs are built from.
struct Arguments {
  std::vector<Tensor> inputs, v, w;
  Tensor u;
};

std::vector<Tensor> fresh(const std::vector<Tensor>& values) {
  std::vector<Tensor> leaves;
  for (const Tensor& value : values) leaves.push_back(value.detach());
  return leaves;
}

// Value, both first derivatives and two second ones, on leaves of their own, so that no node has a value yet.
std::vector<Tensor> build(const Spec& spec, const Arguments& arguments) {
  const At at = at_sample(spec, fresh(arguments.inputs));
  std::vector<Tensor> outputs{at.y};
  if (at.xs.empty()) return outputs;
  const std::vector<Tensor> v = fresh(arguments.v);
  const std::vector<Tensor> w = fresh(arguments.w);
  const Tensor u = arguments.u.detach();
  const auto add = [&](const std::vector<std::optional<Tensor>>& found) {
    const std::size_t first = outputs.size();
    for (const std::optional<Tensor>& x : found)
      if (x) outputs.push_back(*x);
    return std::vector<Tensor>(outputs.begin() + static_cast<std::ptrdiff_t>(first), outputs.end());
  };
  const std::vector<Tensor> pushed = add({forward(at.y, at.xs, v)});
  const std::vector<Tensor> pulled = add(reverse(at.y, at.xs, u));
  if (!pushed.empty()) add(reverse(pushed[0], at.xs, u));
  if (!pulled.empty()) add(jvp(pulled, at.xs, w));
  return outputs;
}

std::vector<Tensor> operations_behind(const std::vector<Tensor>& outputs) {
  std::vector<Tensor> operations;
  for (const Node* node : nodes_behind(outputs))
    if (!node->has_value()) operations.emplace_back(const_cast<Node*>(node));
  return operations;
}

bool has_contraction(const std::vector<Tensor>& outputs) {
  for (const Node* node : nodes_behind(outputs))
    if (node->primitive().name() == "contraction") return true;
  return false;
}

double largest_magnitude(const Tensor& x) {
  double largest = 0;
  for (const double v : elements(x))
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  return largest;
}

// Of evaluated operations: the largest value, and the largest sum of absolute terms of a contraction.
double largest_terms(const std::vector<Tensor>& operations) {
  double largest = 0;
  for (const Tensor& operation : operations) {
    if (!is_floating(operation.dtype())) continue;
    largest = std::max(largest, largest_magnitude(operation));
    const Node& node = operation.node();
    if (node.primitive().name() != "contraction") continue;
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
  for (std::int64_t i = 0; i < a.shape().size(); ++i)
    if (std::memcmp(x + i, y + i, sizeof(T)) != 0 && !(std::isnan(x[i]) && std::isnan(y[i]))) return false;
  return true;
}

// The same bits; one NaN is as good as another.
bool same_bits(const Tensor& a, const Tensor& b) {
  const Array& x = a.value();
  const Array& y = b.value();
  if (x.dtype == DType::f64) return same_numbers<double>(x, y);
  if (x.dtype == DType::f32) return same_numbers<float>(x, y);
  return std::memcmp(x.data<std::byte>(), y.data<std::byte>(),
                     static_cast<std::size_t>(x.shape().size()) * size_of(x.dtype)) == 0;
}

struct Expected {
  Tensor value;
  double bound;  // 0 where bits must be equal
};

class PlanCheck {
 public:
  PlanCheck(const Spec& spec, Arguments arguments, const std::string& label)
      : spec_(spec), arguments_(std::move(arguments)), label_(label) {}

  Failures run(Random& random) {
    find_expected();
    all_at_once();
    last_alone();
    if (!operations_.empty()) one_held(random() % operations_.size());
    return failures_;
  }

 private:
  // What is left of the graph is values: a node that the next graph shares, such as a constant, would be a
  // leaf there.
  void find_expected() {
    const Reference reference;
    const std::vector<Tensor> outputs = build(spec_, arguments_);
    const std::vector<Tensor> operations = operations_behind(outputs);
    evaluate(operations);
    double magnitude = -1;
    const auto expected = [&](const Tensor& x) -> Expected {
      if (!is_floating(x.dtype()) || !has_contraction({x})) return {x.detach(), 0};
      if (magnitude < 0) magnitude = largest_terms(operations);
      return {x.detach(), (x.dtype() == DType::f32 ? 4e-6 : 1e-12) * magnitude};
    };
    for (const Tensor& output : outputs) outputs_.push_back(expected(output));
    for (const Tensor& operation : operations) operations_.push_back(expected(operation));
  }

  void expect(const std::string& what, const Tensor& got, const Expected& expected) {
    if (same_bits(got, expected.value)) return;
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
      failures_.push_back(label_ + what + text);
      return;
    }
  }

  // Evaluates, and holds the plan against its own account.
  void evaluate_checked(const std::string& what, std::vector<Tensor> outputs) {
    std::erase_if(outputs, [](const Tensor& output) { return output.node().has_value(); });
    const std::shared_ptr<const Plan> plan = make_plan(outputs).plan;
    for (const std::string& fault : test::plan_faults(*plan))
      failures_.push_back(label_ + what + ": " + fault);
    const std::size_t before = memory_statistics().live_bytes;
    reset_peak_memory();
    evaluate(outputs);
    const std::size_t peak = memory_statistics().peak_bytes - before;
    if (!outputs.empty() && peak != plan->peak_bytes())
      failures_.push_back(label_ + what + ": took " + std::to_string(peak) + " bytes, the plan says " +
                          std::to_string(plan->peak_bytes()));
  }

  void all_at_once() {
    const std::vector<Tensor> outputs = build(spec_, arguments_);
    evaluate_checked("all at once", outputs);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      expect("output " + std::to_string(i), outputs[i], outputs_[i]);
  }

  void last_alone() {
    std::vector<Tensor> outputs = build(spec_, arguments_);
    const std::vector<Tensor> last{outputs.back()};
    outputs.clear();
    evaluate_checked("last output alone", last);
    expect("last output alone", last[0], outputs_.back());
  }

  // A handle to something on the way keeps its value.
  void one_held(std::size_t which) {
    std::vector<Tensor> outputs = build(spec_, arguments_);
    std::vector<Tensor> operations = operations_behind(outputs);
    if (operations.size() != operations_.size()) {
      failures_.push_back(label_ + "the graph is not the same when it is built again");
      return;
    }
    const Tensor held = operations[which];
    outputs = {outputs.back()};
    operations.clear();
    evaluate_checked("with one held", outputs);
    expect("last output, with one held", outputs[0], outputs_.back());
    expect("what was held", held, operations_[which]);
  }

  const Spec& spec_;
  Arguments arguments_;
  std::string label_;
  std::vector<Expected> outputs_, operations_;
  Failures failures_;
};

}  // namespace

Failures check_plans(const Spec& spec) {
  Random random = random_for(spec, 70);
  Arguments exact{sample_inputs(spec, random), {}, {}, {}};
  for (const std::size_t slot : differentiable_inputs(spec)) {
    exact.v.push_back(direction(random, exact.inputs[slot].shape()));
    exact.w.push_back(direction(random, exact.inputs[slot].shape()));
  }
  exact.u = direction(random, spec.build(exact.inputs).shape());
  Failures failures = PlanCheck(spec, exact, "f64: ").run(random);
  if (!spec.f32) return failures;
  Arguments single = exact;
  single.inputs = converted(spec, exact.inputs, DType::f32);
  for (std::vector<Tensor>* dxs : {&single.v, &single.w})
    for (Tensor& dx : *dxs) dx = cast(dx, DType::f32).detach();
  single.u = cast(exact.u, spec.build(single.inputs).dtype()).detach();
  for (const std::string& failure : PlanCheck(spec, single, "f32: ").run(random)) failures.push_back(failure);
  return failures;
}

}  // namespace nabla::spec
