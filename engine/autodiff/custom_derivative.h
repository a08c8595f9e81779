#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// A function with derivative rules of the caller's choice, in both modes: there is no half a rule.
///
/// Rules see inputs and output at their primal shapes and tangents or cotangents with any leading axes [*L,
/// *S], like the rules of every primitive, and are written with ordinary operators, so that they can be
/// differentiated again. Create one object per function and keep it: its rules live as long as the program.
class CustomDerivative {
 public:
  using Function = std::function<Tensor(const std::vector<Tensor>& inputs)>;
  /// Tangents are aligned with the inputs, nullopt for a symbolic zero; returns the tangent of the output.
  using JvpRule = std::function<Tensor(const std::vector<Tensor>& inputs, const Tensor& output,
                                       const std::vector<std::optional<Tensor>>& tangents)>;
  /// Returns one cotangent per input, nullopt for a symbolic zero.
  using VjpRule = std::function<std::vector<std::optional<Tensor>>(
      const std::vector<Tensor>& inputs, const Tensor& output, const Tensor& cotangent)>;
  /// May the rules be trusted to treat the outermost axis of each input as independent samples? divergence
  /// and sample_jacobian refuse fields with a rule that mixes them.
  enum class Samples { may_mix, independent };

  CustomDerivative(std::string name, Function f, JvpRule jvp, VjpRule vjp,
                   Samples samples = Samples::may_mix);

  /// @throws Error if the rules return something that does not fit, when a transform calls them.
  Tensor operator()(const std::vector<Tensor>& inputs,
                    std::source_location where = std::source_location::current()) const;

 private:
  class Rule;
  const Rule* rule_;  // never freed, because nodes refer to it
};

}  // namespace nabla
