#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/compile/trace.h"
#include "engine/plan/plan.h"

namespace nabla {

class CompiledPlan;

/// What a compiled function has done so far.
struct CompileStatistics {
  std::uint64_t traces;         ///< times the function itself ran
  std::uint64_t calls;          ///< times a plan ran instead
  std::uint64_t prologue_runs;  ///< of the plans that are kept
  std::size_t plans;            ///< kept now, one for each signature
};

/// The part of a compiled function that does not depend on how it is called.
class PlansOfFunction {
 public:
  PlansOfFunction();
  ~PlansOfFunction();
  std::vector<Tensor> call(const TensorFunction& f, std::span<const Tensor> inputs);
  CompileStatistics statistics();
  std::vector<NamedPlan> plans();
  void clear();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

namespace detail {

inline const Tensor& to_argument(const Tensor& tensor) { return tensor; }
/// A number is a tensor of rank 0 that may differ from call to call: f64, f32, or i64 for integers.
template <class T>
requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>) Tensor to_argument(T number) {
  if constexpr (std::is_integral_v<T>) {
    if (!std::in_range<std::int64_t>(number)) throw Error("compile: an argument is too large for i64");
    return tensor<std::int64_t>({static_cast<std::int64_t>(number)}, Shape{});
  } else {
    return tensor<T>({number}, Shape{});
  }
}

}  // namespace detail

/// What compile() returns. Copies share their plans.
template <class F>
class Compiled {
 public:
  explicit Compiled(F f) : shared_(std::make_shared<Shared>(std::move(f))) {}

  /// Calls f with tensors, or numbers in their place: integers arrive as i64 of rank 0, double as f64, float
  /// as f32. Returns what f returns: a tensor, a vector of tensors, or nothing.
  template <class... Arguments>
  auto operator()(const Arguments&... arguments) const {
    const std::vector<Tensor> inputs{detail::to_argument(arguments)...};
    return call(std::index_sequence_for<Arguments...>(), inputs);
  }
  /// Calls an f that takes a vector of tensors.
  auto operator()(const std::vector<Tensor>& inputs) const {
    using Result = std::invoke_result_t<F&, const std::vector<Tensor>&>;
    return run<Result>(
        [this](std::span<const Tensor> traced) {
          return collect<Result>(
              [&] { return shared_->f(std::vector<Tensor>(traced.begin(), traced.end())); });
        },
        inputs);
  }

  CompileStatistics statistics() const { return shared_->plans.statistics(); }
  /// The plans that are kept: of the calls, and of the prologues before them.
  std::vector<NamedPlan> plans() const { return shared_->plans.plans(); }
  /// Forgets all plans; the next call traces again.
  void clear() const { shared_->plans.clear(); }

 private:
  struct Shared {
    explicit Shared(F function) : f(std::move(function)) {}
    F f;
    PlansOfFunction plans;
  };

  template <std::size_t... I>
  auto call(std::index_sequence<I...>, const std::vector<Tensor>& inputs) const {
    using Result = std::invoke_result_t<F&, decltype((inputs[I]))...>;
    return run<Result>(
        [this](std::span<const Tensor> traced) {
          return collect<Result>([&] { return shared_->f(traced[I]...); });
        },
        inputs);
  }

  // f's result as a vector.
  template <class Result, class Call>
  static std::vector<Tensor> collect(Call&& call) {
    static_assert(std::is_void_v<Result> || std::convertible_to<Result, Tensor> ||
                      std::convertible_to<Result, std::vector<Tensor>>,
                  "a compiled function returns a Tensor, a std::vector<Tensor> or nothing");
    if constexpr (std::is_void_v<Result>) {
      call();
      return {};
    } else if constexpr (std::convertible_to<Result, Tensor>) {
      return {Tensor(call())};
    } else {
      return call();
    }
  }

  template <class Result>
  auto run(const TensorFunction& f, const std::vector<Tensor>& inputs) const {
    std::vector<Tensor> outputs = shared_->plans.call(f, inputs);
    if constexpr (std::is_void_v<Result>) {
      return;
    } else if constexpr (std::convertible_to<Result, Tensor>) {
      return std::move(outputs[0]);
    } else {
      return outputs;
    }
  }

  std::shared_ptr<Shared> shared_;
};

/// A function that runs f once for each signature (shapes and types of the inputs), keeps the plan of what f
/// built, and from then on runs the plan alone: neither f nor the graph of it is built again.
///
///     const auto step = compile([&](const Tensor& x, const Tensor& rate) { ...; return loss; });
///     for (..) step(batch, 1e-3).item();
///
/// f takes tensors, or one vector of them, and returns a tensor, a vector of tensors or nothing. It is
/// traced:
///   * What changes from call to call is an argument or a cell. Anything else that f uses is a constant and
///     stays what it was at the first call: captured tensors, C++ numbers, the branches taken by if.
///   * Cells are read at the call's entry; those that f assigns (nn::commit does) take their new values at
///     its end, all at once, or none if the call fails. Cells must outlive the compiled function.
///   * f may not read a value that depends on an argument or a cell. grad, jvp, vmap and compiled functions
///     inside f are fine; the latter become part of it.
/// Results are leaves: no derivative flows through them, and one that finds nothing else is refused. Called
/// with the variable of a transform (inside grad(f) or jvp(f, ..)), a compiled function is f itself, and
/// derivatives flow. What is made of constants, or of cells that f does not assign, is kept from call to
/// call. Where such a value is the weight of a large f32 product, it is also kept in the layout that oneDNN
/// reads fastest, and the product's last bits may differ from those outside of compile. Each new version of a
/// cell is packed anew, but for cells whose gradients f seems to return (by their shape): they are expected
/// to change with every call. A few dozen signatures are kept; the least recently used one makes room. Safe
/// to call from several threads.
/// @throws Error where f does what it may not, what f throws, and what a step of the plan throws.
template <class F>
Compiled<std::decay_t<F>> compile(F&& f) {
  return Compiled<std::decay_t<F>>(std::forward<F>(f));
}

}  // namespace nabla
