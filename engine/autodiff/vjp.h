#pragma once

#include <functional>
#include <optional>
#include <source_location>
#include <span>
#include <vector>

#include "engine/autodiff/list_function.h"

// Reverse mode. vjp builds new nodes with ordinary operators, so it nests to any order with itself, jvp and
// vmap.

namespace nabla {

/// Builds the cotangents of xs for cotangents cts of ys, all of floating type. Each ct has its y's shape
/// behind any leading axes [*L] (ranks alike for all, extents equal or 1). results[i] is [*L, *shape of
/// xs[i]], or nullopt where no y depends on xs[i] (a symbolic zero). Derivatives end at each of the xs: where
/// one of them was built from another, they do not go on to that other.
/// @throws Error if a ct does not fit its y, or an x is a constant (which every equal constant is too: make
/// it a leaf by tensor(..) or detach()).
std::vector<std::optional<Tensor>> vjp(std::span<const Tensor> ys, std::span<const Tensor> xs,
                                       std::span<const Tensor> cts);
std::optional<Tensor> vjp(const Tensor& y, const Tensor& x, const Tensor& ct);

struct ValueAndCotangent {
  Tensor value;
  Tensor cotangent;
};
struct ValueAndCotangents {
  Tensor value;
  std::vector<Tensor> cotangents;
};
struct ValuesAndCotangents {
  std::vector<Tensor> values;
  std::vector<Tensor> cotangents;
};

/// Builds f(x) and ct^T df/dx; zeros if f does not depend on its argument.
ValueAndCotangent vjp(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& ct,
                      std::source_location where = std::source_location::current());

/// The same for several arguments and results in a list.
ValuesAndCotangents vjp(const ListFunction& f, const std::vector<Tensor>& xs, const std::vector<Tensor>& cts,
                        std::source_location where = std::source_location::current());

/// The same for a function of several tensors that returns one: vjp([](const Tensor& x, const Tensor& t)
/// {..}, {x, t}, ct). Gives one cotangent for each argument.
template <std::size_t N, OfSeveral<N> F>
ValueAndCotangents vjp(F&& f, const Tensor (&xs)[N], const Tensor& ct,
                       std::source_location where = std::source_location::current()) {
  if constexpr (TakesTensors<F, N>)
    static_assert(ReturnsTensor<F, N>,
                  "vjp: one cotangent in {..} for each tensor that the function returns");
  ValuesAndCotangents found = vjp(list_function<N>(f), std::vector(xs, xs + N), std::vector{ct}, where);
  return {found.values[0], std::move(found.cotangents)};
}

/// The same for a function that returns a pair or a vector, with a cotangent for each of its results.
template <std::size_t N, std::size_t M, ReturnsOthers<N> F>
ValuesAndCotangents vjp(F&& f, const Tensor (&xs)[N], const Tensor (&cts)[M],
                        std::source_location where = std::source_location::current()) {
  return vjp(list_function<N>(f), std::vector(xs, xs + N), std::vector(cts, cts + M), where);
}

}  // namespace nabla
