#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace nabla::flow {

/// Explicit Runge-Kutta methods (Hairer, Norsett, Wanner, "Solving ordinary differential equations I",
/// II.1). The last three estimate their error as well, which integrate_adaptive needs.
enum class Solver {
  euler,     ///< order 1, one evaluation of the field a step
  midpoint,  ///< order 2, two evaluations
  heun,      ///< order 2, two evaluations, both at times of the grid (the trapezoidal rule made explicit)
  rk4,       ///< order 4, four evaluations (the classical method)
  bogacki_shampine,  ///< order 3(2), three evaluations (Bogacki, Shampine, Appl. Math. Lett. 2, 1989)
  dormand_prince,    ///< order 5(4), six evaluations (Dormand, Prince, J. Comp. Appl. Math. 6, 1980)
  tsitouras,         ///< order 5(4), six evaluations (Tsitouras, Comput. Math. Appl. 62, 2011)
};

/// Holds the coefficients of an explicit Runge-Kutta method of up to seven stages. One step of length h from
/// x at time t is
///   k_i = v(x + h sum_j a_ij k_j, t + c_i h),  x_new = x + h sum_i b_i k_i.
struct ButcherTable {
  static constexpr int kMostStages = 7;
  using Weights = std::array<double, kMostStages>;  ///< those behind the last stage are 0

  std::string_view name;
  /// The power of h with which the error at the end falls.
  int order;
  int stages;
  Weights c;
  std::array<Weights, kMostStages> a;
  Weights b;
  /// b less the weights of an embedded method of order - 1: h sum_i error_i k_i estimates the step's error.
  std::optional<Weights> error = std::nullopt;
  /// What the continuous extension adds to the cubic through both ends and their slopes: at t + q h
  ///   q^2 (1 - q)^2 h sum_i dense_i k_i.
  /// Without these weights the extension is the cubic (Hermite's), of order 3.
  std::optional<Weights> dense = std::nullopt;
  /// Is the last stage, with a_sj = b_j and c_s = 1, the first one of the next step? Every method with
  /// `error` is of this kind; a fixed step leaves the stage out, for its b is 0.
  bool first_same_as_last = false;
};

/// @throws Error if there is no such solver.
const ButcherTable& butcher_table(Solver solver);

std::string_view name_of(Solver solver);
/// The power of the step size with which the error at the end falls.
int order_of(Solver solver);
/// Calls of the field for one step; an adaptive solver takes one more for its first.
int evaluations_per_step(Solver solver);

}  // namespace nabla::flow
