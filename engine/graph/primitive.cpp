#include "engine/graph/primitive.h"

#include <algorithm>

namespace nabla {
namespace {

// Filled while the program starts, read-only afterwards.
std::vector<const Primitive*>& registry() {
  static std::vector<const Primitive*>& primitives = *new std::vector<const Primitive*>;
  return primitives;
}

}  // namespace

Primitive::Primitive(std::string_view name, Class derivative_class, Registration registration)
    : name_(name), class_(derivative_class) {
  if (registration == Registration::listed) registry().push_back(this);
}

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

std::vector<const Primitive*> all_primitives() {
  std::vector<const Primitive*> sorted = registry();
  std::sort(sorted.begin(), sorted.end(),
            [](const Primitive* a, const Primitive* b) { return a->name() < b->name(); });
  return sorted;
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
