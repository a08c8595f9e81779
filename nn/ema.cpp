#include "nn/ema.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "nn/scalar.h"

namespace nabla::nn {

Ema::Ema(const Module& module, double decay) : parameters_(module.parameters()), decay_(decay) {
  const bool fits = decay >= 0 && decay < 1;
  if (!fits) throw Error("ema: the decay " + std::to_string(decay) + " is not in [0, 1)");
  for (const Parameter& parameter : parameters_) sums_.emplace_back(zeros_like(parameter.cell->get()));
}

std::vector<Update> Ema::updates(std::span<const Update> parameter_updates) {
  std::vector<Update> updates;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto found = std::find_if(parameter_updates.begin(), parameter_updates.end(),
                                    [&](const Update& update) { return update.cell == parameters_[i].cell; });
    if (found == parameter_updates.end())
      throw Error("ema: no new value of '" + parameters_[i].name + "' is given");
    updates.push_back({&sums_[i], sums_[i].get() * decay_ + found->value});
  }
  return updates;
}

// The sums themselves tell how many steps they hold.
std::int64_t Ema::steps() const {
  return sums_.empty() ? 0 : static_cast<std::int64_t>(sums_.front().version());
}

std::vector<Tensor> Ema::averages() const {
  if (steps() == 0) throw Error("ema: there is no average before the first step");
  const double weight = (1 - decay_) / (1 - std::pow(decay_, static_cast<double>(steps())));
  std::vector<Tensor> averages;
  for (const Cell& sum : sums_) averages.push_back(sum.get() * scalar_leaf(weight, sum.get().dtype()));
  return averages;
}

void Ema::copy_to(const Module& module) const {
  const std::vector<Tensor> values = averages();
  if (module.parameters().size() != values.size())
    throw Error("ema: " + std::to_string(values.size()) + " averages for " +
                std::to_string(module.parameters().size()) + " parameters");
  std::vector<Update> updates;
  for (std::size_t i = 0; i < values.size(); ++i) updates.push_back({module.parameters()[i].cell, values[i]});
  commit(updates);
}

}  // namespace nabla::nn
