#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "flow/butcher.h"  // IWYU pragma: export
#include "flow/dense_output.h"
#include "flow/field.h"

namespace nabla::flow {

/// How the integration of one sample ended.
enum class Status {
  done,            ///< the end was reached
  step_limit,      ///< max_steps attempts were not enough
  step_underflow,  ///< the error asks for steps that the type of x cannot tell from zero
  not_finite,      ///< the sample or its velocity is infinite or NaN, however short the step
};
std::string_view name_of(Status status);

struct AdaptiveOptions {
  /// One that estimates its error.
  Solver solver = Solver::dormand_prince;
  double rtol = 1e-5;
  double atol = 1e-5;
  /// Length of the first step; 0 derives one per sample (Hairer, Norsett, Wanner, II.4, at one evaluation).
  double first_step = 0;
  /// No step is longer, except a last one by 1%. A field is seen at a few times of a step only, its stages: a
  /// pulse that is narrower than the steps around it, which grow while nothing happens, is passed over
  /// without an error unless this is at most its width.
  double max_step = std::numeric_limits<double>::infinity();
  /// Attempts per sample, accepted or not.
  std::int64_t max_steps = 1000;
  /// Keep what is needed for the states between steps: five states per accepted step, four with
  /// bogacki_shampine.
  bool dense = false;
};

struct AdaptiveSolution {
  Tensor x;                            ///< [B, *S]: each sample at the time it reached
  std::vector<Status> status;          ///< per sample
  std::vector<double> time;            ///< reached, per sample
  std::vector<std::int64_t> accepted;  ///< steps, per sample
  std::vector<std::int64_t> rejected;  ///< attempts in vain, per sample
  std::int64_t evaluations = 0;        ///< calls of the field, each on the whole batch
  std::optional<DenseOutput> dense;    ///< if asked for

  /// Has every sample reached the end?
  bool done() const;
};

/// Follows dx/dt = v(x, t) from time `from` to time `to`, in either direction, from x [B, *S], by
/// options.solver, continued with the result of the higher order. Every sample has its own time and step: v,
/// which must treat samples independently, is called with times [B, 1]. Steps are chosen by a PI controller
/// (Hairer, Norsett, Wanner, "Solving ordinary differential equations I", II.4 and IV.2) that keeps the root
/// mean square of
///   error / (atol + rtol max(|x|, |x_new|))
/// over a sample's elements below 1. A sample that is done or failed waits with step 0. A step limit, an
/// underflow or a field that turns NaN does not throw: the sample comes back as far as it got, with its
/// status. v is asked at `to` as well, where closed-form fields may divide by s(1) = 0. Each attempt is
/// evaluated and detached; a derivative of the result by x, or by what v is made of, is refused (see
/// Evaluation).
/// @throws Error if x is not [B, ..] of floating type, the solver does not estimate its error, a time is not
/// finite, the tolerances are negative or both 0, or a step or their number is negative.
AdaptiveSolution integrate_adaptive(const TimedField& v, const Tensor& x, double from, double to,
                                    const AdaptiveOptions& options = {});

}  // namespace nabla::flow
