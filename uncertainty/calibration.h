#pragma once

#include "engine/tensor/tensor.h"

namespace nabla::uncertainty {

/// E|x1 - m|^2 / E tr S over held-out data: 1 where the posterior is as wide as its mean is wrong, more where
/// it is too sure of itself. x1 and m [B, *S], trace [B]; shape []. The two means are taken apart: a ratio
/// per sample would be ruled by the samples of least variance. @throws Error where shapes do not fit.
Tensor calibration_ratio(const Tensor& x1, const Tensor& m, const Tensor& trace);

}  // namespace nabla::uncertainty
