#pragma once

#include <functional>
#include <optional>
#include <source_location>
#include <span>
#include <vector>

#include "engine/autodiff/list_function.h"

// Forward mode. jvp builds new nodes with ordinary operators, so it nests to any order with itself, vjp and
// vmap.

namespace nabla {

/// Builds the tangents of ys for tangents dxs of xs, all of floating type. Each dx has its x's shape behind
/// any leading axes [*L] (ranks alike for all, extents equal or 1): K tangents [K, *S] share one primal pass.
/// dys[i] is [*L, *shape of ys[i]], or nullopt where ys[i] does not depend on the xs (a symbolic zero).
/// @throws Error if a dx does not fit its x, or an x is a constant (which every equal constant is too: make
/// it a leaf by tensor(..) or detach()).
std::vector<std::optional<Tensor>> jvp(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                       std::span<const Tensor> dxs);
std::optional<Tensor> jvp(const Tensor& y, const Tensor& x, const Tensor& dx);

/// The same with results possibly of extent 1 where they do not vary along an axis, meaning a broadcast;
/// saves work in what is built on it (divergence, Jacobians).
std::vector<std::optional<Tensor>> jvp_compressed(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                                  std::span<const Tensor> dxs);
std::optional<Tensor> jvp_compressed(const Tensor& y, const Tensor& x, const Tensor& dx);

struct ValueAndTangent {
  Tensor value;
  Tensor tangent;
};
struct ValuesAndTangents {
  std::vector<Tensor> values;
  std::vector<Tensor> tangents;
};

/// Builds f(x) and the derivative of f at x along dx; zeros if f does not depend on its argument.
ValueAndTangent jvp(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& dx,
                    std::source_location where = std::source_location::current());

/// The same for several arguments and results in a list.
ValuesAndTangents jvp(const ListFunction& f, const std::vector<Tensor>& xs, const std::vector<Tensor>& dxs,
                      std::source_location where = std::source_location::current());

/// The same for a function of several tensors: jvp([](const Tensor& x, const Tensor& t) {..}, {x, t},
/// {dx, dt}). Gives a ValueAndTangent where f returns a Tensor, ValuesAndTangents where it returns a pair or
/// a vector.
template <std::size_t N, std::size_t M, OfSeveral<N> F>
auto jvp(F&& f, const Tensor (&xs)[N], const Tensor (&dxs)[M],
         std::source_location where = std::source_location::current()) {
  static_assert(N == M, "jvp: one tangent for each argument");
  ValuesAndTangents found =
      jvp(list_function<N>(f), std::vector(xs, xs + N), std::vector(dxs, dxs + M), where);
  if constexpr (ReturnsTensor<F, N>)
    return ValueAndTangent{found.values[0], found.tangents[0]};
  else
    return found;
}

}  // namespace nabla
