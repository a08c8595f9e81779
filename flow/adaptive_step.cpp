#include "flow/adaptive_step.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "engine/graph/evaluation.h"
#include "engine/ops/composed.h"
#include "engine/ops/indexing.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/plan/evaluate.h"
#include "engine/tensor/number_text.h"
#include "engine/tensor/type_text.h"
#include "flow/per_sample.h"
#include "flow/stages.h"
#include "flow/step_control.h"

namespace nabla::flow {
namespace {

// What counts as an error of 1 for each element.
Tensor tolerance(const Tensor& magnitude, const AdaptiveOptions& options) {
  return magnitude * options.rtol + options.atol;
}

// Root mean square of y / scale over the elements of each sample, [B] f64; 0 / 0 is 0, that of none too.
Tensor scaled_norm(const Tensor& y, const Tensor& scale) {
  const Tensor zero = equal(y, 0);
  const Tensor ratio = select(zero, y, y / select(zero, scale * 0 + 1, scale));
  const double count = std::max(1.0, static_cast<double>(y.shape().without_first(1).size()));
  return sqrt(sum(square(cast(ratio, DType::f64)), element_axes(y)) * (1 / count));
}

// The same where y / scale or its square may be out of range.
Tensor scaled_norm_of_any_size(const Tensor& y, const Tensor& scale) {
  const Tensor ratio = cast(y, DType::f64) / select(equal(y, 0), 1.0, cast(scale, DType::f64));
  const double count = std::max(1.0, static_cast<double>(y.shape().without_first(1).size()));
  return norm(ratio, element_axes(y)) * (1 / std::sqrt(count));
}

// 0 for each sample whose numbers are all finite, else NaN: [B] f64.
Tensor nan_unless_finite(const Tensor& y) { return sum(cast(y, DType::f64) * 0, element_axes(y)); }

// One attempt of all samples.
struct Attempt {
  Tensor step;                 // [B, 1, ..]
  std::vector<Tensor> slopes;  // of all stages
  Tensor x;                    // where it leads
  Tensor error;                // [B] f64, in units of what is allowed
};

class Integration {
 public:
  Integration(const TimedField& v, const Tensor& x, double from, double to, const AdaptiveOptions& options)
      : v_(v),
        options_(options),
        table_(butcher_table(options.solver)),
        controls_(static_cast<std::size_t>(x.shape()[0]), StepControl(from, to, options, x.dtype())),
        x_(evaluation_.leaf(evaluation_.reads(x))) {
    if (options.dense) dense_.emplace(from, to, x_);
  }

  AdaptiveSolution run() {
    if (any_running()) start();
    while (any_running()) advance();
    return result();
  }

 private:
  bool any_running() const {
    return std::any_of(controls_.begin(), controls_.end(), [](const StepControl& c) { return c.running(); });
  }

  // One number of each sample.
  template <class Get>
  std::vector<double> of_each(Get get) const {
    std::vector<double> numbers;
    for (const StepControl& control : controls_) numbers.push_back(get(control));
    return numbers;
  }

  Tensor slope(const Tensor& x, std::span<const double> times) {
    ++evaluations_;
    Tensor slope = v_(x, per_sample_times(times, x.dtype()));
    require_velocity("integrate_adaptive", slope, x);
    return slope;
  }

  void start();
  void choose_first_steps();
  void advance();
  Attempt attempt();
  void store_dense(const Attempt& attempt, const Tensor& before, const std::vector<std::int64_t>& rows,
                   const std::vector<double>& starts);
  AdaptiveSolution result();

  const TimedField& v_;
  const AdaptiveOptions& options_;
  const ButcherTable& table_;
  std::vector<StepControl> controls_;
  Evaluation evaluation_{"integrate_adaptive"};
  Tensor x_;
  Tensor slope_;  // at x_
  std::int64_t evaluations_ = 0;
  std::optional<DenseOutput> dense_;
};

void Integration::start() {
  slope_ = evaluation_.leaf(slope(x_, of_each([](const StepControl& c) { return c.time(); })));
  const std::vector<double> finite = nan_unless_finite(x_ * 0 + slope_ * 0).to_vector<double>();
  for (std::size_t i = 0; i < controls_.size(); ++i)
    if (std::isnan(finite[i])) controls_[i].stop(Status::not_finite);
  if (options_.first_step > 0)
    for (StepControl& control : controls_) control.start(options_.first_step);
  else if (any_running())
    choose_first_steps();
}

// Hairer, Norsett and Wanner's algorithm (II.4): a step by sizes of state and slope, then by how much the
// slope changes along it.
void Integration::choose_first_steps() {
  const Tensor scale = tolerance(abs(x_), options_);
  // A short time makes slopes large without making them steep.
  const Tensor size = scaled_norm_of_any_size(x_, scale);
  const Tensor rate = scaled_norm_of_any_size(slope_, scale);
  evaluate({size, rate});
  const double power = 1. / table_.order;
  std::vector<double> lengths;
  std::vector<double> steps;
  std::vector<double> times;
  for (std::size_t i = 0; i < controls_.size(); ++i) {
    const StepControl& control = controls_[i];
    const double d0 = size.data<double>()[i];
    const double d1 = rate.data<double>()[i];
    double length = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1;
    length = control.running() ? std::min({length, options_.max_step, control.remaining()}) : 0;
    lengths.push_back(length);
    steps.push_back(control.direction() * length);
    times.push_back(control.time() + steps.back());
  }
  const Tensor probe = slope(x_ + per_sample_factor(steps, x_) * slope_, times);
  const std::vector<double> change = scaled_norm_of_any_size(probe - slope_, scale).to_vector<double>();
  for (std::size_t i = 0; i < controls_.size(); ++i) {
    if (!controls_[i].running()) continue;
    const double steepest = std::max(rate.data<double>()[i], change[i] / lengths[i]);
    double length = steepest <= 1e-15 ? std::max(1e-6, lengths[i] * 1e-3) : std::pow(0.01 / steepest, power);
    length = std::min(100 * lengths[i], length);
    controls_[i].start(std::isfinite(length) ? length : lengths[i]);
  }
}

Attempt Integration::attempt() {
  const std::vector<double> starts = of_each([](const StepControl& c) { return c.time(); });
  const std::vector<double> ends = of_each([](const StepControl& c) { return c.next_time(); });
  std::vector<double> steps;
  for (std::size_t i = 0; i < starts.size(); ++i) steps.push_back(ends[i] - starts[i]);
  Attempt result{per_sample_factor(steps, x_), {slope_}, {}, {}};
  std::vector<double> times(starts.size());
  result.x = evaluate_stages(table_, table_.stages, x_, result.step, result.slopes,
                             [&](const Tensor& state, double c) {
                               for (std::size_t i = 0; i < times.size(); ++i)
                                 times[i] = stage_time(c, starts[i], ends[i]);
                               return slope(state, times);
                             });
  const Tensor error = result.step * combine(*table_.error, result.slopes);
  // An infinite state would make its own tolerance infinite.
  result.error =
      scaled_norm(error, tolerance(max(abs(x_), abs(result.x)), options_)) + nan_unless_finite(result.x);
  return result;
}

void Integration::advance() {
  const std::vector<double> starts = of_each([](const StepControl& c) { return c.time(); });
  const Attempt trial = attempt();
  // Samples that wait have step 0 and so no error: they keep their state, or are refused where 0 times the
  // slope is NaN, which keeps it too.
  const Tensor accepted = less_equal(trial.error, 1);
  const Tensor mask = insert_axes(accepted, element_axes(x_));
  const Tensor before = x_;
  const Tensor next = select(mask, trial.x, x_);
  const Tensor next_slope = select(mask, trial.slopes.back(), slope_);
  evaluate({next, next_slope, trial.error});
  x_ = evaluation_.leaf(next);
  slope_ = evaluation_.leaf(next_slope);
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < controls_.size(); ++i)
    if (controls_[i].running() && controls_[i].judge(trial.error.data<double>()[i]))
      rows.push_back(static_cast<std::int64_t>(i));
  if (dense_ && !rows.empty()) store_dense(trial, before, rows, starts);
}

// The coefficients of the accepted samples (Hairer's rcont1 .. rcont5).
void Integration::store_dense(const Attempt& attempt, const Tensor& before,
                              const std::vector<std::int64_t>& rows, const std::vector<double>& starts) {
  const Tensor change = attempt.x - before;
  const Tensor bend = attempt.step * attempt.slopes.front() - change;
  const Tensor twist = change - attempt.step * attempt.slopes.back() - bend;
  std::vector<Tensor> coefficients{before, change, bend, twist};
  if (table_.dense) coefficients.push_back(attempt.step * combine(*table_.dense, attempt.slopes));
  const Tensor index = tensor<std::int64_t>(rows, Shape{static_cast<std::int64_t>(rows.size())});
  DenseOutput::Piece piece{rows, {}, {}, {}};
  for (const Tensor& coefficient : coefficients) piece.coefficients.push_back(take(coefficient, index));
  evaluate(piece.coefficients);
  for (Tensor& coefficient : piece.coefficients) coefficient = evaluation_.leaf(coefficient);
  for (const std::int64_t row : rows) {
    piece.start.push_back(starts[row]);
    piece.stop.push_back(controls_[row].time());
  }
  dense_->add(std::move(piece));
}

AdaptiveSolution Integration::result() {
  AdaptiveSolution solution;
  solution.x = x_;
  solution.evaluations = evaluations_;
  solution.dense = std::move(dense_);
  for (const StepControl& control : controls_) {
    solution.status.push_back(control.status());
    solution.time.push_back(control.time());
    solution.accepted.push_back(control.accepted());
    solution.rejected.push_back(control.rejected());
  }
  return solution;
}

}  // namespace

std::string_view name_of(Status status) {
  switch (status) {
    case Status::done:
      return "done";
    case Status::step_limit:
      return "step limit";
    case Status::step_underflow:
      return "step underflow";
    case Status::not_finite:
      return "not finite";
  }
  throw Error("integrate_adaptive: there is no status " + std::to_string(static_cast<int>(status)));
}

bool AdaptiveSolution::done() const {
  return std::all_of(status.begin(), status.end(), [](Status s) { return s == Status::done; });
}

AdaptiveSolution integrate_adaptive(const TimedField& v, const Tensor& x, double from, double to,
                                    const AdaptiveOptions& options) {
  if (x.rank() < 2 || !is_floating(x.dtype()))
    throw Error("integrate_adaptive: samples " + type_text(x) +
                " must be [B, ..], of rank 2 at least and floating");
  if (!butcher_table(options.solver).error)
    throw Error("integrate_adaptive: " + std::string(name_of(options.solver)) +
                " does not estimate its error; bogacki_shampine, dormand_prince and tsitouras do");
  if (!std::isfinite(from) || !std::isfinite(to))
    throw Error("integrate_adaptive: times " + number_text(from) + " and " + number_text(to) +
                " must be finite");
  if (!(options.rtol >= 0 && options.atol >= 0 && options.rtol + options.atol > 0 &&
        std::isfinite(options.rtol + options.atol)))
    throw Error("integrate_adaptive: tolerances rtol " + number_text(options.rtol) + " and atol " +
                number_text(options.atol) + " must not be negative, nor both 0");
  if (!(options.first_step >= 0 && options.max_step > 0) || options.max_steps < 1)
    throw Error("integrate_adaptive: first_step " + number_text(options.first_step) + ", max_step " +
                number_text(options.max_step) + " and max_steps " + std::to_string(options.max_steps) +
                "; steps must be positive and there must be at least one");
  return Integration(v, x, from, to, options).run();
}

}  // namespace nabla::flow
