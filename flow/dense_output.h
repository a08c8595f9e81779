#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// Gives the solution between the steps of an adaptive integration, by the continuous extension of its
/// solver, which has the states and the slopes of both ends of a step: of order 4 for dormand_prince
/// (Shampine 1986; Hairer, Norsett, Wanner, "Solving ordinary differential equations I", II.6) and tsitouras
/// (his own interpolant), the cubic (Hermite's) of order 3 for bogacki_shampine. It holds five states for
/// every accepted step of every sample, four of the cubic.
class DenseOutput {
 public:
  /// x [B, *S] at time `from`, before any step.
  DenseOutput(double from, double to, const Tensor& x);

  /// The state at time t, [B, *S]: the step's own state at its ends, to rounding. A sample that stopped
  /// before t stays at its last state; its status tells.
  /// @throws Error if t is outside of the interval.
  Tensor operator()(double t) const;

  double from() const { return from_; }
  double to() const { return to_; }

  /// A step of some samples: the polynomial
  ///   c0 + q (c1 + (1 - q) (c2 + q (c3 + (1 - q) c4))),  q = (t - start) / step,
  /// or the cubic without c4.
  struct Piece {
    std::vector<std::int64_t> rows;    ///< which samples
    std::vector<double> start;         ///< time of each row's start
    std::vector<double> stop;          ///< time of each row's end
    std::vector<Tensor> coefficients;  ///< five or four of [rows, *S]
  };
  /// Adds a step, later in the direction of time than those of the same samples before it.
  void add(Piece piece);

 private:
  /// Where a sample's step is: a row of a piece.
  struct Step {
    double stop;
    std::size_t piece;
    std::int64_t row;
  };

  double from_;
  double to_;
  Tensor start_;
  std::vector<Piece> pieces_;
  std::vector<std::vector<Step>> steps_;  // of each sample, in order
};

}  // namespace nabla::flow
