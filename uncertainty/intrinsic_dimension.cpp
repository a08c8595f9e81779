#include "uncertainty/intrinsic_dimension.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/graph/evaluation.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/number_text.h"
#include "uncertainty/symmetric_spectrum.h"

namespace nabla::uncertainty {

IntrinsicDimension intrinsic_dimension(const Posterior& posterior, double threshold) {
  if (!(threshold > 0 && threshold < 1))
    throw Error("intrinsic_dimension: the threshold " + number_text(threshold) +
                " must lie between 0 (across the data) and 1 (along them)");
  const Tensor level = posterior.noise_level();
  const Tensor variance = square(reshape(level, Shape{level.shape()[0]}));
  const Tensor scaled =
      cast(posterior.covariance() / reshape(variance, Shape{level.shape()[0], 1, 1}), DType::f64);
  const Tensor squares = matmul(transpose(scaled), scaled);
  std::vector<double> ranks;
  Evaluation evaluation("intrinsic_dimension");
  for (const std::vector<double>& singular : symmetric_spectra(evaluation.reads(squares)))
    ranks.push_back(static_cast<double>(
        std::ranges::count_if(singular, [&](double square) { return square > threshold * threshold; })));
  return {evaluation.leaf(tensor(ranks, Shape{squares.shape()[0]})), posterior.trace() / variance};
}

}  // namespace nabla::uncertainty
