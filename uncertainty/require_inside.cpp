#include "uncertainty/require_inside.h"

#include <algorithm>
#include <span>
#include <string>

#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/tensor/number_text.h"

namespace nabla::uncertainty {
namespace {

template <class T>
void check_inside(const char* what, const Tensor& t) {
  for (const T value : t.data<T>())
    if (!(value > 0 && value < 1))
      throw Error(std::string(what) + ": the time " + number_text(value) +
                  " is not strictly between 0 (noise) and 1 (data), where the identity is 0/0");
}

}  // namespace

// Leaves, the usual case, end the walk at once.
bool has_elements(const Tensor& t) {
  return std::ranges::none_of(nodes_behind(t),
                              [](const Node* node) { return node->primitive().is_variable(); });
}

void require_inside(const char* what, const Tensor& t) {
  if (has_elements(t)) t.dtype() == DType::f64 ? check_inside<double>(what, t) : check_inside<float>(what, t);
}

}  // namespace nabla::uncertainty
