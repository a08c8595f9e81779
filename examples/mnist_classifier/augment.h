#pragma once

#include <cstdint>

#include "engine/tensor/tensor.h"

namespace nabla::mnist_classifier {

/// Images as a network takes them: levels [n, H, W] u8 -> [n, 1, H, W] f32 in [0, 1].
Tensor to_input(const Tensor& levels);

/// Moves every image of [n, H, W] by a whole number of pixels of its own in each direction, between -reach
/// and reach, all equally likely; what comes in at the border is 0.
Tensor shift_randomly(const Tensor& images, std::int64_t reach, const Tensor& key);

}  // namespace nabla::mnist_classifier
