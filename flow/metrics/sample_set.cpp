#include "flow/metrics/sample_set.h"

#include <cmath>
#include <string>

#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/tensor/type_text.h"

namespace nabla::flow {

void require_samples(const char* what, const Tensor& x) {
  if (x.rank() != 2 || x.size() == 0 || !is_floating(x.dtype()))
    throw Error(std::string(what) + ": samples " + type_text(x) + " must be [n, D], floating and not empty");
  // 0 x is 0, or NaN for an infinity or a NaN.
  if (!std::isfinite(sum(x * 0).item()))
    throw Error(std::string(what) + ": samples " + to_string(x.shape()) + " are not all finite");
}

void require_sample_sets(const char* what, const Tensor& a, const Tensor& b) {
  require_samples(what, a);
  require_samples(what, b);
  if (a.shape()[1] != b.shape()[1])
    throw Error(std::string(what) + ": samples " + to_string(a.shape()) + " and " + to_string(b.shape()) +
                " must have as many elements");
}

}  // namespace nabla::flow
