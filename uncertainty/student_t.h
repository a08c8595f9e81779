#pragma once

#include <cstdint>

namespace nabla::uncertainty {

/// The t that Student's variable of `degrees` degrees of freedom stays within, in absolute value, with
/// probability .95: by how many standard errors, estimated from degrees + 1 numbers, a mean of normal numbers
/// may be off. @throws Error for fewer than one degree.
double student_t_95(std::int64_t degrees);

}  // namespace nabla::uncertainty
