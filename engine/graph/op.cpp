#include "engine/graph/op.h"

namespace nabla {

Op op_named(std::string_view name) {
  std::size_t op = 0;
  while (op < kOpCount && kOpFacts[op].name != name) ++op;
  return static_cast<Op>(op);
}

}  // namespace nabla
