#pragma once

#include <functional>
#include <optional>
#include <source_location>
#include <span>
#include <vector>

#include "engine/tensor/tensor.h"

// Reverse mode. vjp builds new nodes with ordinary operators, so it nests to any order with itself, jvp and
// vmap.

namespace nabla {

/// Cotangents of xs for cotangents cts of ys, all of floating type. Each ct has its y's shape behind any
/// leading axes [*L] (ranks alike for all, extents equal or 1). results[i] is [*L, *shape of xs[i]], or
/// nullopt where no y depends on xs[i] (a symbolic zero). Derivatives end at each of the xs: where one of
/// them was built from another, they do not go on to that other.
/// @throws Error if a ct does not fit its y, or an x is a constant (which every equal constant is too: make
/// it a leaf by tensor(..) or detach()).
std::vector<std::optional<Tensor>> vjp(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                       std::span<const Tensor> cts);

struct ValueAndCotangent {
  Tensor value;
  Tensor cotangent;
};
/// f(x) and ct^T df/dx; zeros if f does not depend on its argument.
ValueAndCotangent vjp(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& ct,
                      std::source_location where = std::source_location::current());

struct ValuesAndCotangents {
  std::vector<Tensor> values;
  std::vector<Tensor> cotangents;
};
/// The same for several arguments and results.
ValuesAndCotangents vjp(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
                        const std::vector<Tensor>& xs, const std::vector<Tensor>& cts,
                        std::source_location where = std::source_location::current());

}  // namespace nabla
