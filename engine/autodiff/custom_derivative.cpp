#include "engine/autodiff/custom_derivative.h"

#include <mutex>

#include "engine/graph/primitive.h"
#include "engine/ops/constant.h"
#include "engine/ops/contract.h"
#include "engine/ops/shaping.h"

namespace nabla {

// Input 0 is the value that the function computed from its arguments behind a stop_gradient; the others are
// the arguments themselves. The node shows input 0 and routes derivatives to the arguments by the given
// rules. A derivative that arrives at input 0 comes from a tensor that the function captured, which the rules
// know nothing of: an error. The attributes hold the ranks at construction, output first: what an operand has
// beyond its own are leading axes, and the rules see all operands with the same ones.
class CustomDerivative::Rule final : public OnePassPrimitive {
 public:
  Rule(std::string name, Function f, JvpRule jvp, VjpRule vjp, Samples samples)
      : OnePassPrimitive(std::string_view()),
        name_(std::move(name)),
        function_(std::move(f)),
        jvp_(std::move(jvp)),
        vjp_(std::move(vjp)),
        samples_(samples) {
    rename(name_);
  }

  const Function& function() const { return function_; }

  TensorType infer(Inputs inputs, const Attributes& ranks) const override {
    return {concatenate(leading(inputs, ranks), core(inputs[0], ranks[0])), inputs[0].dtype()};
  }

  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const override {
    if (tangents[0]) refuse_capture();
    const Shape common = leading(at.inputs, at.attributes);
    const std::vector<Tensor> inputs = arguments(at, common);
    std::vector<std::optional<Tensor>> own;
    int extra = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      own.push_back(tangents[i + 1]);
      if (!own[i]) continue;
      extra = own[i]->rank() - inputs[i].rank();
      own[i] = broadcast_to(*own[i], concatenate(own[i]->shape().first(extra), inputs[i].shape()));
    }
    const Tensor result = jvp_(inputs, at.output, own);
    check("jvp", result, at.output, extra);
    return result;
  }

  void vjp_of_slots(const Application& at, const std::vector<bool>& wanted, const Tensor& cotangent,
                    std::vector<std::optional<Tensor>>& results) const override {
    if (wanted[0]) refuse_capture();
    const std::vector<Tensor> inputs = arguments(at, leading(at.inputs, at.attributes));
    const std::vector<std::optional<Tensor>> given = vjp_(inputs, at.output, cotangent);
    if (given.size() != inputs.size())
      throw Error(name_ + ": its vjp rule returned " + std::to_string(given.size()) + " cotangents for " +
                  std::to_string(inputs.size()) + " inputs");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!wanted[i + 1] || !given[i]) continue;
      check("vjp", *given[i], inputs[i], cotangent.rank() - at.output.rank());
      results[i + 1] = sum_to_shape(*given[i], inputs[i].shape(), at.inputs[i + 1].shape());
    }
  }

  std::optional<int> carried_axis(const Application& at, int slot, int axis) const override {
    if (slot == 0) return axis;
    const int own = static_cast<int>(at.attributes[slot]);
    const int result = static_cast<int>(at.attributes[0]);
    if (-axis > own) return axis + own - result;  // one that a transform has put in front
    if (samples_ == Samples::independent && -axis == own) return -result;
    return std::nullopt;
  }
  // The rules are the user's: they see full extents only.
  bool accepts_compressed_tangent(const Application&, int, int) const override { return false; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return false; }
  std::optional<Layout> view(const Layout& input, const Shape& output, const Attributes&) const override {
    return input.broadcast_to(output);
  }

 private:
  // The innermost `rank` axes: what an operand had when the node was built.
  static Shape core(const Tensor& x, std::int64_t rank) {
    return x.shape().without_first(x.rank() - static_cast<int>(rank));
  }

  // The axes that transforms have put in front, broadcast over all operands.
  Shape leading(Inputs inputs, const Attributes& ranks) const {
    Shape common = inputs[0].shape().first(inputs[0].rank() - static_cast<int>(ranks[0]));
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      const Shape own = inputs[i].shape().first(inputs[i].rank() - static_cast<int>(ranks[i]));
      Shape next;
      if (!broadcast_shapes(common, own, next))
        throw Error(with_operands(name_, inputs) + ": leading axes differ");
      common = next;
    }
    return common;
  }

  static std::vector<Tensor> arguments(const Application& at, const Shape& common) {
    std::vector<Tensor> expanded;
    for (std::size_t i = 1; i < at.inputs.size(); ++i)
      expanded.push_back(
          broadcast_to(at.inputs[i], concatenate(common, core(at.inputs[i], at.attributes[i]))));
    return expanded;
  }

  [[noreturn]] void refuse_capture() const {
    throw Error(name_ +
                ": the function of this custom derivative captured a tensor that is being differentiated; "
                "pass it as an argument, so that the rules can give its derivative");
  }

  void check(const char* mode, const Tensor& result, const Tensor& like, int leading) const {
    const int extra = result.rank() - like.rank();
    Shape fits;
    if (extra == leading && result.dtype() == like.dtype() &&
        broadcast_shapes(result.shape().without_first(extra), like.shape(), fits) && fits == like.shape())
      return;
    throw Error(name_ + ": its " + mode + " rule returned " + to_string(result.shape()) + " " +
                std::string(name_of(result.dtype())) + " where " + std::to_string(leading) +
                " leading axes and the shape " + to_string(like.shape()) + " " +
                std::string(name_of(like.dtype())) + " are needed");
  }

  std::string name_;
  Function function_;
  JvpRule jvp_;
  VjpRule vjp_;
  Samples samples_;
};

CustomDerivative::CustomDerivative(std::string name, Function f, JvpRule jvp, VjpRule vjp, Samples samples) {
  if (!f || !jvp || !vjp)
    throw Error(name + ": a custom derivative needs a function and both rules, jvp and vjp");
  rule_ = new Rule(std::move(name), std::move(f), std::move(jvp), std::move(vjp), samples);
  // Kept where a leak checker finds it.
  static std::mutex& mutex = *new std::mutex;
  static std::vector<const Rule*>& kept = *new std::vector<const Rule*>;
  const std::lock_guard lock(mutex);
  kept.push_back(rule_);
}

Tensor CustomDerivative::operator()(const std::vector<Tensor>& inputs, std::source_location where) const {
  const SourceScope scope(where);
  std::vector<Tensor> shielded;
  for (const Tensor& input : inputs) shielded.push_back(stop_gradient(input));
  std::vector<Tensor> operands{rule_->function()(shielded)};
  operands.insert(operands.end(), inputs.begin(), inputs.end());
  std::vector<std::int64_t> ranks;
  for (const Tensor& operand : operands) ranks.push_back(operand.rank());
  return apply(*rule_, operands, Attributes({}, ranks), where);
}

}  // namespace nabla
