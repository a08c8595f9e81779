#include "nn/ema.h"

#include <algorithm>
#include <string>

#include "engine/compile/trace.h"
#include "engine/ops/pointwise.h"
#include "engine/tensor/number_text.h"

namespace nabla::nn {

Ema::Ema(const Module& module, double decay) : parameters_(module.parameters()), decay_(decay) {
  const bool fits = decay >= 0 && decay < 1;
  if (!fits) throw Error("ema: the decay " + number_text(decay) + " is not in [0, 1)");
  sums_.add_option("decay", decay);
  for (const Parameter& parameter : parameters_) sums_.add(parameter.name, parameter.cell->get());
}

std::vector<Update> Ema::updates(std::span<const Update> parameter_updates) {
  std::vector<Update> updates;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto found = std::find_if(parameter_updates.begin(), parameter_updates.end(),
                                    [&](const Update& update) { return update.cell == parameters_[i].cell; });
    if (found == parameter_updates.end())
      throw Error("ema: no new value of '" + parameters_[i].name + "' is given");
    Cell* sum = sums_.parameters()[i].cell;
    updates.push_back({sum, sum->get() * decay_ + found->value});
  }
  updates.push_back(sums_.next_step());
  return updates;
}

std::vector<Tensor> Ema::averages() const {
  if (!tracing() && steps() == 0) throw Error("ema: there is no average before the first step");
  const Tensor n = cast(sums_.step_count(), DType::f64);
  const Tensor weight = (1 - decay_) / (1 - pow(decay_, n));
  std::vector<Tensor> averages;
  for (const Tensor& sum : sums_.leaves()) averages.push_back(sum * cast(weight, sum.dtype()));
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
