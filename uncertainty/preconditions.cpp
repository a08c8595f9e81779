#include "uncertainty/preconditions.h"

#include "engine/tensor/number_text.h"

namespace nabla::uncertainty {
std::vector<std::string> precondition_violations(const flow::FieldMetadata& metadata,
                                                 const flow::AffinePath& path, double source_scale) {
  std::vector<std::string> reasons;
  if (metadata.path != path.name)
    reasons.push_back("the field was trained on the path '" + metadata.path + "', not on '" + path.name +
                      "': a(t) and s(t) of the wrong path give another mean and another covariance");
  if (metadata.source != "standard_normal")
    reasons.push_back("the source is '" + metadata.source +
                      "', not normal: dm/dx is then no multiple of the covariance of x1 given x_t");
  else if (metadata.source_scale != source_scale)
    reasons.push_back(
        "the source has the scale " + number_text(metadata.source_scale, 6) +
        ", and the posterior is asked for with " + number_text(source_scale, 6) +
        ": S would be off by the factor " +
        number_text(source_scale * source_scale / metadata.source_scale / metadata.source_scale, 6));
  if (metadata.coupling != "independent")
    reasons.push_back(
        "noise and data are coupled by '" + metadata.coupling +
        "', not independently: dm/dx then holds Cov(x1, x0 | x_t) besides the covariance of x1, "
        "and is not symmetric");
  if (metadata.guidance != "none")
    reasons.push_back(
        "the field is guided (" + metadata.guidance +
        "): it is no conditional mean, and its Jacobian mixes two covariances, (1 - w) S_0 + w S_1 "
        "with the scale w, that need not be positive");
  return reasons;
}

}  // namespace nabla::uncertainty
