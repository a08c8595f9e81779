#include "engine/plan/canonical/primitive_kind.h"

#include <map>
#include <string_view>
#include <unordered_map>

namespace nabla {
namespace {

struct Table {
  std::unordered_map<const Primitive*, PrimitiveKind> kinds;
  std::map<PrimitiveKind, const Primitive*> primitives;
};

Table make_table() {
  using enum PrimitiveKind;
  static constexpr std::pair<std::string_view, PrimitiveKind> kNames[] = {
      {"constant", constant},
      {"stop_gradient", stop_gradient},
      {"neg", neg},
      {"add", add},
      {"sub", sub},
      {"mul", mul},
      {"div", div},
      {"max", max},
      {"min", min},
      {"abs", abs},
      {"sign", sign},
      {"square", square},
      {"sqrt", sqrt},
      {"rsqrt", rsqrt},
      {"reciprocal", reciprocal},
      {"exp", exp},
      {"sigmoid", sigmoid},
      {"equal", equal},
      {"not_equal", not_equal},
      {"select", select},
      {"cast", cast},
      {"insert_axes", insert_axes},
      {"drop_axes", drop_axes},
      {"reshape", reshape},
      {"permute", permute},
      {"broadcast", broadcast},
      {"slice", slice},
      {"flip", flip},
      {"pad", pad},
      {"concatenate", concatenate},
      {"gather", gather},
      {"sum", sum},
      {"cumsum", cumsum},
      {"reduce_max", reduce_max},
      {"reduce_min", reduce_min},
      {"softmax", softmax},
      {"contraction", contraction},
  };
  const std::map<std::string_view, PrimitiveKind> kinds(std::begin(kNames), std::end(kNames));
  Table table;
  for (const Primitive* primitive : all_primitives())
    if (const auto found = kinds.find(primitive->name()); found != kinds.end()) {
      table.kinds.emplace(primitive, found->second);
      table.primitives.emplace(found->second, primitive);
    }
  return table;
}

const Table& table() {
  static const Table& made = *new Table(make_table());
  return made;
}

}  // namespace

PrimitiveKind kind_of(const PlanNode& node) {
  if (node.is_leaf()) return PrimitiveKind::leaf;
  const auto found = table().kinds.find(node.primitive);
  return found == table().kinds.end() ? PrimitiveKind::other : found->second;
}

const Primitive& primitive_of(PrimitiveKind kind) { return *table().primitives.at(kind); }

bool is_strided_view(PrimitiveKind kind) {
  using enum PrimitiveKind;
  return kind == insert_axes || kind == drop_axes || kind == permute || kind == broadcast || kind == slice ||
         kind == flip;
}

bool is_commutative(PrimitiveKind kind) {
  using enum PrimitiveKind;
  return kind == add || kind == mul || kind == equal || kind == not_equal;
}

}  // namespace nabla
