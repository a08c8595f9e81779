#pragma once

#include "flow/coupling.h"
#include "flow/field.h"
#include "flow/path.h"

namespace nabla::flow {

/// Conditional flow matching (Lipman et al., arXiv 2210.02747, equation 9): the mean over the batch of
/// |v(x_t, t) - (a' x1 + s' x0)|^2, summed over the elements of a sample; shape []. Its minimum is not 0 but
/// the spread of the conditional velocities, (D + (1-t) E div v) / t on the linear path. x0 and x1 [B, *S], t
/// [B, 1] or [1, 1]. @throws Error where shapes do not fit.
Tensor cfm_loss(const TimedField& v, const AffinePath& path, const Pair& pair, const Tensor& t);

}  // namespace nabla::flow
