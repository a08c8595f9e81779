#pragma once

#include <functional>
#include <optional>
#include <source_location>
#include <span>
#include <vector>

#include "engine/tensor/tensor.h"

// Forward mode. jvp builds new nodes with ordinary operators, so it nests to any order with itself, vjp and
// vmap.

namespace nabla {

/// Tangents of ys for tangents dxs of xs, all of floating type. Each dx has its x's shape behind any leading
/// axes
/// [*L] (ranks alike for all, extents equal or 1): K tangents [K, *S] share one primal pass.
/// dys[i] is [*L, *shape of ys[i]], or nullopt where ys[i] does not depend on the xs (a symbolic zero).
/// @throws Error if a dx does not fit its x, or an x is a constant (which every equal constant is too: make
/// it a leaf by tensor(..) or detach()).
std::vector<std::optional<Tensor>> jvp(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                       std::span<const Tensor> dxs);

/// The same with results possibly of extent 1 where they do not vary along an axis, meaning a broadcast;
/// saves work in what is built on it (divergence, Jacobians).
std::vector<std::optional<Tensor>> jvp_compressed(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                                  std::span<const Tensor> dxs);

struct ValueAndTangent {
  Tensor value;
  Tensor tangent;
};
/// f(x) and the derivative of f at x along dx; zeros if f does not depend on its argument.
ValueAndTangent jvp(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& dx,
                    std::source_location where = std::source_location::current());

struct ValuesAndTangents {
  std::vector<Tensor> values;
  std::vector<Tensor> tangents;
};
/// The same for several arguments and results.
ValuesAndTangents jvp(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
                      const std::vector<Tensor>& xs, const std::vector<Tensor>& dxs,
                      std::source_location where = std::source_location::current());

}  // namespace nabla
