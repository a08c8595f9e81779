#include <string>

#include "engine/backend/contraction_axes.h"
#include "engine/backend/cuda/source/primitive_sources.h"
#include "engine/tensor/error.h"

namespace nabla::cuda {

bool is_matrix_product(const StepDescription& step) {
  return step.primitive && step.primitive->op() == Op::contraction && step.output.shape.size() > 0 &&
         sort_contraction(step.inputs[0], step.inputs[1], step.output, step.attributes).form ==
             SortedContraction::Form::matrix_products;
}

StepSource primitive_source(const StepDescription& step) {
  if (step.primitive == nullptr) return copy_source(step);
  switch (step.primitive->op()) {
#define STEP(name, ...) \
  case Op::name:        \
    return name##_source(step);
#define ROWS(name, ...) STEP(name)
#include "engine/graph/primitives.def"
    default:
      throw Error("cuda: no kernel for " + std::string(step.primitive->name()));
  }
}

}  // namespace nabla::cuda
