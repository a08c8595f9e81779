#include "engine/graph/primitive.h"

#include <array>

#include "engine/tensor/error.h"

namespace nabla {
namespace {

// Filled while the program starts, read-only afterwards.
constinit std::array<const Primitive*, kOpCount> registry{};

}  // namespace

Primitive::Primitive(Op op, Class derivative_class, Registration registration)
    : name_(facts_of(op).name), op_(op), class_(derivative_class) {
  if (registration == Registration::listed) registry[static_cast<std::size_t>(op)] = this;
}

Primitive::Primitive(std::string_view name, Class derivative_class)
    : name_(name), op_(Op::custom), class_(derivative_class) {}

bool Primitive::accepts_compressed_cotangent(const Application& at, int axis) const {
  for (int slot = 0; slot < static_cast<int>(at.inputs.size()); ++slot) {
    const int rank = at.inputs[slot].rank();
    for (int a = -1; a >= -rank; --a)
      if (carried_axis(at, slot, a) == axis) return true;
  }
  return false;
}

void Primitive::vjp_of_slots(const Application& at, const std::vector<bool>& wanted, const Tensor& cotangent,
                             std::vector<std::optional<Tensor>>& results) const {
  for (std::size_t slot = 0; slot < wanted.size(); ++slot)
    results[slot] = wanted[slot] ? vjp(at, static_cast<int>(slot), cotangent) : std::nullopt;
}

std::string Primitive::describe(const Attributes& attributes) const {
  std::string text;
  for (std::size_t i = 0; i < attributes.size(); ++i) text += (i ? "," : "") + std::to_string(attributes[i]);
  return text;
}

const Primitive& primitive_of(Op op) {
  const Primitive* const found = op == Op::custom ? nullptr : registry[static_cast<std::size_t>(op)];
  if (!found)
    throw Error("primitive_of: " + std::string(facts_of(op).name) +
                " is not linked into this program; link the whole of nablaflow::engine");
  return *found;
}

std::vector<const Primitive*> all_primitives() {
  std::vector<const Primitive*> found;
  for (const Primitive* primitive : registry)
    if (primitive) found.push_back(primitive);
  return found;
}

std::string with_operands(std::string_view name, Inputs inputs) {
  std::string text = std::string(name) + ": operands ";
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i) text += i + 1 == inputs.size() ? " and " : ", ";
    text += to_string(inputs[i].shape()) + " " + std::string(name_of(inputs[i].dtype()));
  }
  return text;
}

}  // namespace nabla
