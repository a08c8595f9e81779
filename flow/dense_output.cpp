#include "flow/dense_output.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "engine/ops/indexing.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/slicing.h"
#include "engine/tensor/number_text.h"
#include "flow/per_sample.h"

namespace nabla::flow {
namespace {

Tensor rows_of(const std::vector<std::int64_t>& rows) {
  return tensor<std::int64_t>(rows, Shape{static_cast<std::int64_t>(rows.size())});
}

}  // namespace

DenseOutput::DenseOutput(double from, double to, const Tensor& x)
    : from_(from), to_(to), start_(x), steps_(static_cast<std::size_t>(x.shape()[0])) {}

void DenseOutput::add(Piece piece) {
  for (std::size_t i = 0; i < piece.rows.size(); ++i)
    steps_[piece.rows[i]].push_back({piece.stop[i], pieces_.size(), static_cast<std::int64_t>(i)});
  pieces_.push_back(std::move(piece));
}

Tensor DenseOutput::operator()(double t) const {
  if (!(t >= std::min(from_, to_) && t <= std::max(from_, to_)))
    throw Error("dense_output: time " + number_text(t) + " is not between " + number_text(from_) + " and " +
                number_text(to_));
  const double direction = to_ < from_ ? -1 : 1;

  // Which rows of which pieces, and for which samples; samples without a step stay at the start.
  struct Selection {
    std::vector<std::int64_t> rows, samples;
    std::vector<double> share;
  };
  std::map<std::size_t, Selection> selections;
  std::vector<std::int64_t> still;
  for (std::size_t sample = 0; sample < steps_.size(); ++sample) {
    const std::vector<Step>& steps = steps_[sample];
    if (steps.empty()) {
      still.push_back(static_cast<std::int64_t>(sample));
      continue;
    }
    auto step = std::lower_bound(steps.begin(), steps.end(), t, [&](const Step& s, double time) {
      return direction * s.stop < direction * time;
    });
    if (step == steps.end()) --step;  // it stopped before t
    const Piece& piece = pieces_[step->piece];
    const std::size_t row = step->row;
    const double share = (t - piece.start[row]) / (piece.stop[row] - piece.start[row]);
    Selection& selection = selections[step->piece];
    selection.rows.push_back(step->row);
    selection.samples.push_back(static_cast<std::int64_t>(sample));
    selection.share.push_back(std::clamp(share, 0., 1.));
  }

  std::vector<Tensor> parts;
  std::vector<std::int64_t> order;  // samples in the order of the parts
  if (!still.empty()) {
    parts.push_back(take(start_, rows_of(still)));
    order = still;
  }
  for (const auto& [index, selection] : selections) {
    const Tensor rows = rows_of(selection.rows);
    const std::vector<Tensor>& coefficients = pieces_[index].coefficients;
    const auto c = [&](int i) { return take(coefficients[i], rows); };
    const Tensor q = per_sample_factor(selection.share, start_);
    const Tensor last = coefficients.size() == 5 ? c(3) + (1 - q) * c(4) : c(3);
    parts.push_back(c(0) + q * (c(1) + (1 - q) * (c(2) + q * last)));
    order.insert(order.end(), selection.samples.begin(), selection.samples.end());
  }
  if (parts.empty()) return start_;
  std::vector<std::int64_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<std::int64_t>(i);
  return take(concatenate(parts, 0), rows_of(place));
}

}  // namespace nabla::flow
