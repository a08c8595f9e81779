#include "nn/fourier_features.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/slicing.h"
#include "engine/tensor/number_text.h"

namespace nabla::nn {

FourierFeatures::FourierFeatures(std::int64_t count, double highest_turns, DType dtype) {
  constexpr double kLowestTurns = 0.25;
  if (count < 1 || !(highest_turns >= kLowestTurns))
    throw Error("fourier_features: " + std::to_string(count) + " frequencies up to " +
                number_text(highest_turns) +
                " turns; there must be at least one, of at least a quarter of a turn");
  std::vector<double> frequencies;
  for (std::int64_t i = 0; i < count; ++i) {
    const double place = count == 1 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1);
    frequencies.push_back(2 * std::numbers::pi * kLowestTurns *
                          std::pow(highest_turns / kLowestTurns, place));
  }
  frequencies_ = cast(tensor(frequencies, Shape{1, count}), dtype).detach();
}

Tensor FourierFeatures::operator()(const Tensor& t) const {
  if (t.rank() < 2 || t.shape()[-1] != 1)
    throw Error("fourier_features: times " + to_string(t.shape()) + " must be [.., 1]");
  const Tensor angle = t * frequencies_;
  return concatenate({sin(angle), cos(angle)}, -1);
}

}  // namespace nabla::nn
