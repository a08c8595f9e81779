#include "nn/dropout.h"

#include "engine/graph/node.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/tensor/number_text.h"
#include "engine/tensor/type_text.h"

namespace nabla::nn {

Dropout::Dropout(double probability) : probability_(probability) {
  const bool fits = probability >= 0 && probability < 1;
  if (!fits) throw Error("dropout: the probability " + number_text(probability) + " is not in [0, 1)");
}

Tensor Dropout::operator()(const Tensor& x, const std::optional<Tensor>& key,
                           std::source_location where) const {
  if (!is_floating(x.dtype()))
    throw Error("dropout: the input " + type_text(x) + " needs a floating type; cast first");
  if (!key || probability_ == 0) return x;
  const SourceScope scope(where);
  const Tensor kept = cast(uniform(*key, x.shape(), x.dtype()) >= probability_, x.dtype());
  return x * (kept * (1 / (1 - probability_)));
}

}  // namespace nabla::nn
