#include "engine/autodiff/custom_derivative.h"

#include <mutex>

#include "engine/graph/primitive.h"

namespace nabla {

// Input 0 is the value that the function computed, the others are its arguments. The node shows input 0 and
// routes derivatives to the arguments by the given rules; nothing flows into input 0.
class CustomDerivative::Rule final : public Primitive {
 public:
  Rule(std::string name, Function f, JvpRule jvp, VjpRule vjp, Samples samples)
      : Primitive(std::string_view(), Class::composite, Registration::anonymous),
        name_(std::move(name)),
        function_(std::move(f)),
        jvp_(std::move(jvp)),
        vjp_(std::move(vjp)),
        samples_(samples) {
    rename(name_);
  }

  const Function& function() const { return function_; }

  TensorType infer(Inputs inputs, const Attributes&) const override {
    return {inputs[0].shape(), inputs[0].dtype()};
  }

  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const override {
    std::vector<std::optional<Tensor>> own(tangents.begin() + 1, tangents.end());
    int leading = -1;
    for (std::size_t i = 0; i < own.size(); ++i)
      if (own[i]) leading = own[i]->rank() - at.inputs[i + 1].rank();
    if (leading < 0) return std::nullopt;
    const Tensor result = jvp_(arguments(at), at.output, own);
    check("jvp", result, at.output, leading);
    return result;
  }

  std::optional<Tensor> vjp(const Application& at, int slot, const Tensor& cotangent) const override {
    if (slot == 0) return std::nullopt;
    const std::vector<std::optional<Tensor>> results = vjp_(arguments(at), at.output, cotangent);
    if (results.size() + 1 != at.inputs.size())
      throw Error(name_ + ": its vjp rule returned " + std::to_string(results.size()) + " cotangents for " +
                  std::to_string(at.inputs.size() - 1) + " inputs");
    const std::size_t i = static_cast<std::size_t>(slot);
    if (results[i - 1]) check("vjp", *results[i - 1], at.inputs[i], cotangent.rank() - at.output.rank());
    return results[i - 1];
  }

  std::optional<int> carried_axis(const Application& at, int slot, int axis) const override {
    if (slot == 0) return axis;
    if (samples_ == Samples::independent && -axis == at.inputs[static_cast<std::size_t>(slot)].rank())
      return -at.output.rank();
    return std::nullopt;
  }
  // The rules are the user's: they see full extents only.
  bool accepts_compressed_tangent(const Application&, int, int) const override { return false; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return false; }
  std::optional<Layout> view(const Layout& input, const Attributes&) const override { return input; }

 private:
  static std::vector<Tensor> arguments(const Application& at) {
    return {at.inputs.begin() + 1, at.inputs.end()};
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
  std::vector<Tensor> operands{rule_->function()(inputs)};
  operands.insert(operands.end(), inputs.begin(), inputs.end());
  return apply(*rule_, operands, {}, where);
}

}  // namespace nabla
