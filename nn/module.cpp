#include "nn/module.h"

#include <algorithm>

#include "engine/autodiff/grad.h"

namespace nabla::nn {

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters_) count += parameter.cell->shape().size();
  return count;
}

Cell& Module::parameter(std::string_view name) const {
  std::string names;
  for (const Parameter& parameter : parameters_) {
    if (parameter.name == name) return *parameter.cell;
    names += (names.empty() ? "" : ", ") + parameter.name;
  }
  throw Error("module: no parameter '" + std::string(name) + "'; there are: " + names);
}

std::vector<Tensor> Module::leaves() const {
  std::vector<Tensor> leaves;
  for (const Parameter& parameter : parameters_) leaves.push_back(parameter.cell->get());
  return leaves;
}

Cell& Module::add_parameter(std::string name, const Tensor& initial) {
  if (!is_floating(initial.dtype()))
    throw Error("module: parameter '" + name + "' is " + std::string(name_of(initial.dtype())) +
                "; only floating types can be trained");
  cells_.push_back(std::make_unique<Cell>(initial));
  append(std::move(name), cells_.back().get());
  return *cells_.back();
}

void Module::add_part(std::string_view prefix, const Module& part) {
  for (const Parameter& parameter : part.parameters_)
    append(std::string(prefix) + "." + parameter.name, parameter.cell);
}

void Module::append(std::string name, Cell* cell) {
  if (std::any_of(parameters_.begin(), parameters_.end(), [&](const Parameter& p) { return p.name == name; }))
    throw Error("module: there is already a parameter '" + name + "'");
  parameters_.push_back({std::move(name), cell});
}

LossAndGradients value_and_grad(const Module& module, const std::function<std::vector<Tensor>()>& loss) {
  std::vector<Tensor> results = loss();
  if (results.empty()) throw Error("value_and_grad: the function returned no loss");
  LossAndGradients out;
  out.loss = results[0];
  out.gradients = gradients(out.loss, module.leaves());
  out.auxiliary.assign(results.begin() + 1, results.end());
  return out;
}

}  // namespace nabla::nn
