#include "nn/activation.h"

#include <array>
#include <string>
#include <utility>

#include "engine/ops/composed.h"
#include "engine/ops/pointwise.h"

namespace nabla::nn {
namespace {

constexpr std::array<std::pair<Activation, std::string_view>, 6> kNames{{{Activation::identity, "identity"},
                                                                         {Activation::relu, "relu"},
                                                                         {Activation::tanh, "tanh"},
                                                                         {Activation::silu, "silu"},
                                                                         {Activation::gelu, "gelu"},
                                                                         {Activation::softplus, "softplus"}}};

}  // namespace

Tensor activate(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::identity:
      return x;
    case Activation::relu:
      return relu(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::silu:
      return silu(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::softplus:
      return softplus(x);
  }
  throw Error("activate: no such activation");
}

std::string_view name_of(Activation activation) {
  for (const auto& [value, name] : kNames)
    if (value == activation) return name;
  throw Error("name_of: no such activation");
}

Activation activation_named(std::string_view name) {
  std::string names;
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  throw Error("activation '" + std::string(name) + "' is not one of " + names);
}

}  // namespace nabla::nn
