#include "engine/explain/cuda_kernels.h"

namespace nabla {

std::vector<cuda::StepSource> cuda_kernels(const Plan& plan) {
  std::vector<cuda::StepSource> sources;
  for (const PlanStep& step : plan.steps()) {
    std::vector<Layout> layouts;
    std::vector<DType> types;
    for (const int input : step.inputs) {
      layouts.push_back(plan.values()[input].layout);
      types.push_back(plan.values()[input].dtype);
    }
    // The inputs of a program are laid over its whole shape.
    if (step.is_program()) {
      sources.push_back(cuda::tile_source(step.program, layouts[0].shape, layouts));
      continue;
    }
    const PlanValue& output = plan.values()[step.outputs[0]];
    std::vector<std::int64_t> parts;
    Layout joined = output.layout;
    if (step.outputs.size() > 1) {
      std::int64_t extent = 0;
      for (const int part : step.outputs) {
        parts.push_back(plan.values()[part].layout.shape[-1]);
        extent += parts.back();
      }
      joined.shape[-1] = extent;
      joined = Layout::dense(joined.shape);
    }
    const StepDescription description{step.primitive, layouts,         types, joined,
                                      output.dtype,   step.attributes, parts};
    if (cuda::is_matrix_product(description)) {
      sources.emplace_back();
    } else {
      sources.push_back(cuda::primitive_source(description));
    }
  }
  return sources;
}

}  // namespace nabla
