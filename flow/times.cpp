#include "flow/times.h"

#include <string>

#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/tensor/number_text.h"

namespace nabla::flow {
namespace {

// Rounding reaches both ends, where schedules vanish that others divide by: in f32 (255 + u) / 256 is 1 for
// every u above 1 - 2^-17.
Tensor strictly_inside(const Tensor& t) {
  const double margin = t.dtype() == DType::f64 ? 0x1p-53 : 0x1p-24;
  return min(max(t, margin), 1 - margin);
}

}  // namespace

Tensor uniform_times(const Tensor& key, std::int64_t count, DType dtype) {
  return strictly_inside(uniform(key, Shape{count, 1}, dtype));
}

Tensor stratified_times(const Tensor& key, std::int64_t count, DType dtype) {
  const Tensor place = reshape(iota(count, dtype), Shape{count, 1});
  return strictly_inside((place + uniform(key, Shape{count, 1}, dtype)) * (1.0 / static_cast<double>(count)));
}

Tensor logit_normal_times(const Tensor& key, std::int64_t count, double mean, double deviation, DType dtype) {
  if (!(deviation > 0))
    throw Error("logit_normal_times: the deviation " + number_text(deviation) + " must be positive");
  return strictly_inside(sigmoid(normal(key, Shape{count, 1}, dtype) * deviation + mean));
}

TimePairs uniform_time_pairs(const Tensor& key, std::int64_t count, std::int64_t averaged, DType dtype) {
  if (averaged < 0 || averaged > count)
    throw Error("uniform_time_pairs: " + std::to_string(averaged) + " of " + std::to_string(count) +
                " rows cannot have two times");
  const Tensor keys = split(key, 3);
  const Tensor a = uniform_times(keys[0], averaged, dtype);
  const Tensor b = uniform_times(keys[1], averaged, dtype);
  // Two draws are equal once in 10^7 rows of f32; one of them then moves away from the nearer end of (0, 1).
  const double apart = dtype == DType::f64 ? 0x1p-51 : 0x1p-22;
  const Tensor alike = equal(a, b), early = less(a, 0.5);
  const Tensor first = select(alike, select(early, a, a * (1 - apart)), min(a, b));
  const Tensor second = select(alike, select(early, a * (1 + apart), a), max(a, b));
  const Tensor single = stratified_times(keys[2], count - averaged, dtype);
  return {concatenate({first, single}, 0), concatenate({second, single}, 0), averaged};
}

}  // namespace nabla::flow
