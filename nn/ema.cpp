#include "nn/ema.h"

#include <algorithm>
#include <string>

#include "engine/compile/trace.h"
#include "engine/ops/pointwise.h"
#include "engine/tensor/number_text.h"

namespace nabla::nn {

Ema::Ema(const Module& module, double decay)
    : averaged_(module.cells()), parameters_(module.parameters().size()), decay_(decay) {
  const bool fits = decay >= 0 && decay < 1;
  if (!fits) throw Error("ema: the decay " + number_text(decay) + " is not in [0, 1)");
  sums_.add_option("decay", decay);
  for (const Parameter& cell : averaged_) sums_.add(cell.name, cell.cell->get());
}

std::vector<Update> Ema::updates(std::span<const Update> parameter_updates) {
  std::vector<Update> updates;
  for (std::size_t i = 0; i < averaged_.size(); ++i) {
    const auto found = std::ranges::find(parameter_updates, averaged_[i].cell, &Update::cell);
    if (found == parameter_updates.end() && i < parameters_)
      throw Error("ema: no new value of '" + averaged_[i].name + "' is given");
    Cell* sum = sums_.parameters()[i].cell;
    const Tensor value = found == parameter_updates.end() ? averaged_[i].cell->get() : found->value;
    updates.push_back({sum, sum->get() * decay_ + value});
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
  const std::vector<Parameter> cells = module.cells();
  if (cells.size() != values.size())
    throw Error("ema: " + std::to_string(values.size()) + " averages for " + std::to_string(cells.size()) +
                " parameters and buffers");
  std::vector<Update> updates;
  for (std::size_t i = 0; i < values.size(); ++i) updates.push_back({cells[i].cell, values[i]});
  commit(updates);
}

}  // namespace nabla::nn
