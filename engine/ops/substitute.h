#pragma once

#include <span>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// Rebuilds ys with `replacements` in place of xs, through the interning constructors: what was already built
/// is found again. A replacement may carry leading axes beyond its x; they travel through to the results
/// (this is all vmap does). Results that do not depend on xs come back unchanged.
std::vector<Tensor> substitute(std::span<const Tensor> ys, std::span<const Tensor> xs,
                               std::span<const Tensor> replacements);
Tensor substitute(const Tensor& y, const Tensor& x, const Tensor& replacement);

}  // namespace nabla
