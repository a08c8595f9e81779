#pragma once

#include <functional>
#include <source_location>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// f, written for one sample, applied to every entry along the outermost axis of x:[n, *S]; the results are
/// stacked. Works for every primitive, because all accept leading axes; there are no batching rules.
Tensor vmap(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
            std::source_location where = std::source_location::current());

/// The same for several arguments and results. in_axes[i] is the mapped axis of xs[i] (from either side); an
/// argument with kNotMapped is passed whole. The mapped extents must agree.
inline constexpr int kNotMapped = INT32_MIN;
std::vector<Tensor> vmap(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
                         const std::vector<Tensor>& xs, const std::vector<int>& in_axes,
                         std::source_location where = std::source_location::current());

}  // namespace nabla
