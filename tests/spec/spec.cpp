#include "tests/spec/spec.h"

namespace nabla::spec {

Spec reshaped(Spec spec, const std::string& label, const std::vector<Shape>& shapes) {
  if (shapes.size() != spec.inputs.size())
    throw Error("spec: " + name_of(spec) + " needs one shape per input");
  spec.label += (spec.label.empty() ? "" : ", ") + label;
  for (std::size_t i = 0; i < shapes.size(); ++i) spec.inputs[i].shape = shapes[i];
  spec.cases.clear();
  return spec;
}

std::string name_of(const Spec& spec) {
  return spec.label.empty() ? spec.primitive : spec.primitive + " (" + spec.label + ")";
}

const std::vector<Spec>& all_rows() {
  static const std::vector<Spec> rows = [] {
    std::vector<Spec> all;
    for (const auto& family :
         {rows_pointwise_unary(), rows_pointwise_binary(), rows_selection(), rows_shaping(), rows_arranging(),
          rows_reduction(), rows_contraction(), rows_convolution(), rows_pooling(), rows_normalise(),
          rows_attention(), rows_indexing(), rows_source(), rows_composed(), rows_checkpoint()})
      all.insert(all.end(), family.begin(), family.end());
    return all;
  }();
  return rows;
}

}  // namespace nabla::spec
