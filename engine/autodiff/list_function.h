#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/tensor/tensor.h"

// Functions of several tensors, as the function forms of transforms take them: jvp(f, {x, t}, {dx, dt}).

namespace nabla {

/// A function as transforms call it.
using ListFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// Lists the results of a function: one tensor, two, one and auxiliary ones, or a list of them.
inline std::vector<Tensor> results_of(const Tensor& y) { return {y}; }
inline std::vector<Tensor> results_of(const std::pair<Tensor, Tensor>& ys) { return {ys.first, ys.second}; }
inline std::vector<Tensor> results_of(const std::pair<Tensor, std::vector<Tensor>>& ys) {
  std::vector<Tensor> listed{ys.first};
  listed.insert(listed.end(), ys.second.begin(), ys.second.end());
  return listed;
}
inline std::vector<Tensor> results_of(std::vector<Tensor> ys) { return ys; }

namespace detail {

template <class F, class Indices>
struct CallWithTensors;
template <class F, std::size_t... I>
struct CallWithTensors<F, std::index_sequence<I...>> {
  template <std::size_t>
  using Argument = const Tensor&;
  static constexpr bool kFits = std::is_invocable_v<F&, Argument<I>...>;
  using Result = std::invoke_result<F&, Argument<I>...>;
  static auto call(F& f, const std::vector<Tensor>& xs) { return f(xs[I]...); }
};
template <class F, std::size_t N>
using CallWith = CallWithTensors<std::remove_reference_t<F>, std::make_index_sequence<N>>;

template <class F>
inline constexpr bool kTakesList = std::is_invocable_v<F&, const std::vector<Tensor>&>;

}  // namespace detail

/// Can f be called with N tensors?
template <class F, std::size_t N>
concept TakesTensors = detail::CallWith<F, N>::kFits;

/// Can f be called with a list of tensors? Such functions have forms of their own.
template <class F>
concept TakesTensorList = detail::kTakesList<F>;

/// Does f, called with N tensors, return exactly one?
template <class F, std::size_t N>
concept ReturnsTensor =
    TakesTensors<F, N> && std::same_as<typename detail::CallWith<F, N>::Result::type, Tensor>;

/// Does f take N tensors and return something else than one?
template <class F, std::size_t N>
concept ReturnsOthers = TakesTensors<F, N> && !ReturnsTensor<F, N>;

/// Is f, called with N tensors in {..}, for the forms of such functions? What does not fit is told there why,
/// but functions of a list have forms of their own.
template <class F, std::size_t N>
concept OfAny = TakesTensors<F, N> || !TakesTensorList<F>;

/// The same where a function of one tensor to one has a form of its own too.
template <class F, std::size_t N>
concept OfSeveral = OfAny<F, N> &&(N > 1 || !ReturnsTensor<F, N>);

/// Views a function of N tensors as one of a list of N. It refers to f.
template <std::size_t N, class F>
ListFunction list_function(F& f) {
  static_assert(TakesTensors<F, N>,
                "the function of a transform takes as many tensors (const Tensor&) as arguments are given in "
                "{..}, and returns a Tensor, a pair or a std::vector<Tensor>");
  if constexpr (TakesTensors<F, N>) {
    using Result = typename detail::CallWith<F, N>::Result::type;
    constexpr bool kIsListed = requires(const Result& result) { results_of(result); };
    static_assert(kIsListed,
                  "the function of a transform returns a Tensor, a std::pair of tensors, a pair of a Tensor "
                  "and a std::vector<Tensor>, or a std::vector<Tensor>");
    if constexpr (kIsListed)
      return [&f](const std::vector<Tensor>& xs) { return results_of(detail::CallWith<F, N>::call(f, xs)); };
  }
  return {};
}

}  // namespace nabla
