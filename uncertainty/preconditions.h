#pragma once

#include <string>
#include <vector>

#include "flow/field_metadata.h"
#include "flow/path.h"

namespace nabla::uncertainty {

/// What to do about a field whose metadata contradict the identity between Jacobian and posterior.
enum class Preconditions {
  refuse,  ///< an Error that states the reasons
  warn,    ///< go on and keep the reasons
};

/// The reasons, each with what would come of it, why the Jacobian of a field with these metadata does not
/// tell Cov(x1 | x_t) on `path` with a source N(0, source_scale^2 I); empty if there is none. Looked at are
/// path, source, coupling and guidance. A class-conditional field is no reason: it tells Cov(x1 | x_t,
/// class).
std::vector<std::string> precondition_violations(const flow::FieldMetadata& metadata,
                                                 const flow::AffinePath& path, double source_scale = 1);

}  // namespace nabla::uncertainty
