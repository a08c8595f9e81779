#pragma once

#include "engine/tensor/tensor.h"

// Random training times, [count, 1], strictly between 0 and 1 also after rounding: at least 2^-24 (f32) or
// 2^-53 (f64) away from both, so that the linear path's s(t) and a(t) may be divided by.

namespace nabla::flow {

/// Independent and uniform.
Tensor uniform_times(const Tensor& key, std::int64_t count, DType dtype = DType::f32);
/// One uniform time in each of `count` equal intervals, in order: the same expectation with less variance.
Tensor stratified_times(const Tensor& key, std::int64_t count, DType dtype = DType::f32);
/// sigmoid(mean + deviation z) with z ~ N(0, 1) (Esser et al., arXiv 2403.03206, section 3.1). In this
/// convention a positive mean leans towards data. @throws Error if the deviation is not positive.
Tensor logit_normal_times(const Tensor& key, std::int64_t count, double mean, double deviation,
                          DType dtype = DType::f32);

/// Times t <= r for the training of average velocities, [count, 1] each.
struct TimePairs {
  Tensor t;
  Tensor r;
  std::int64_t averaged;  ///< rows 0 .. averaged-1 have t < r, the others t = r
};
/// The sorted pairs of two independent uniform times, never equal, in the first `averaged` rows, and one time
/// for both, stratified, in the others. @throws Error unless 0 <= averaged <= count.
TimePairs uniform_time_pairs(const Tensor& key, std::int64_t count, std::int64_t averaged,
                             DType dtype = DType::f32);

}  // namespace nabla::flow
